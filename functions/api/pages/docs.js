// The reference page: sign in or paste a token, try any operation, look up an error.
"use strict";

const here = new URL(".", location.href).href.replace(/\/$/, "");
const byId = (id) => document.getElementById(id);
let ui;

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// ---- Signing in. The token is kept in memory only: a reload discards it.

function showStatus(text, failed = false) {
  byId("who").textContent = text;
  byId("who").classList.toggle("failed", failed);
}

async function call(operation, body, token) {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(`${here}/api/${operation}`, { method: "POST", headers, body: JSON.stringify(body) });
  const envelope = await response.json();
  if (!envelope.ok) throw new Error(`${envelope.error.message} (${envelope.error.code})`);
  return envelope.result;
}

function signedIn(yes) {
  byId("logout").hidden = !yes;
  byId("login").hidden = byId("paste").hidden = yes;
}

function useToken(token) {
  ui.authActions.authorize({
    user: { name: "user", schema: { type: "http", scheme: "bearer" }, value: token },
    app: { name: "app", schema: { type: "http", scheme: "bearer" }, value: token },
  });
  signedIn(true);
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    showStatus(error.message, true);
  }
}

function fields(form) {
  return Object.fromEntries(new FormData(form));
}

async function signIn(operation) {
  const form = byId("login");
  const { email, password, name } = fields(form);
  const result = await call(operation, operation === "auth-register" ? { email, password, name } : { email, password });
  useToken(result.access_token);
  form.elements.password.value = "";
  showStatus(`Signed in as ${result.user.name}, ${result.user.role}. The token is valid for ${result.expires_in / 60} minutes.`);
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => signIn("auth-login"));
});

byId("login").elements.register.addEventListener("click", () => {
  const form = byId("login");
  const label = form.querySelector(".new");
  if (label.hidden) {
    label.hidden = false;
    form.elements.register.textContent = "Open an account";
    return;
  }
  form.elements.name.required = true; // required for this button only
  if (form.reportValidity()) attempt(() => signIn("auth-register"));
  form.elements.name.required = false;
});

byId("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  const { token } = fields(event.target);
  useToken(token.trim());
  event.target.reset();
  showStatus("The pasted token is sent with every operation below.");
});

byId("logout").addEventListener("click", () => {
  ui.authActions.logout(["user", "app"]);
  signedIn(false);
  showStatus("The token has been removed from this page.");
});

// ---- The error catalogue, one anchor for each code.

function labelled(label, text) {
  const node = element("p", "");
  node.append(element("strong", `${label}: `));
  // Text between backticks is code.
  text.split("`").forEach((part, index) => node.append(index % 2 ? element("code", part) : part));
  return node;
}

function showErrors(errors) {
  let prefix = "";
  for (const { code, status, message, when, do: advice } of errors) {
    if (code.split(".")[0] !== prefix) {
      prefix = code.split(".")[0];
      byId("errors").append(element("h3", prefix));
    }
    const article = element("article", "", { id: `error-${code}` });
    const title = element("h4", "");
    title.append(element("a", code, { href: `#error-${code}` }), element("span", String(status)));
    article.append(title, element("p", message), labelled("When", when), labelled("What to do", advice));
    byId("errors").append(article);
  }
}

// Links from an operation to an error stay on this page, and keep the token.
document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.('a[href*="#error-"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    location.hash = link.hash;
  },
  true,
);

async function start() {
  const spec = await (await fetch("openapi.json")).json();
  spec.servers = [{ url: here }];
  showErrors(spec["x-errors"]);
  byId("reference").textContent = "";
  ui = SwaggerUIBundle({
    spec,
    domNode: byId("reference"),
    deepLinking: false,
    docExpansion: "none",
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    syntaxHighlight: { theme: "agate" },
    onComplete: () => {
      if (location.hash.startsWith("#error-")) byId(location.hash.slice(1))?.scrollIntoView();
    },
  });
}

start().catch((error) => {
  byId("reference").textContent = `The reference could not be loaded: ${error.message}`;
});
