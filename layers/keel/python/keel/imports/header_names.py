"""List the names that people and well-known CRMs give to the columns of each field.

They are compared in the form that `normalize` returns: without case, accents, spaces and punctuation.
"""

import unicodedata
from typing import Final

# A name that several fields have belongs to the first of them.
_CONTACT: Final = {
    "first_name": (
        "first name, firstname, given name, forename, fname, first, vorname, prenom, nombre, nome, voornaam"
    ),
    "last_name": (
        "last name, lastname, surname, family name, lname, last, nachname, nom, apellido, apellidos, cognome, "
        "sobrenome, achternaam, familienname, nom de famille"
    ),
    "full_name": (
        "full name, fullname, name, contact name, contact, person, person name, display name, vollstandiger "
        "name, nom complet, nombre completo, nome completo"
    ),
    "email": (
        "email, e mail, email address, e mail address, mail, primary email, work email, email 1 value, e mail "
        "1 value, person email work, email work, email addresses, correo, correo electronico, courriel, "
        "adresse email, e mail adresse, e mailadres, posta elettronica"
    ),
    "phone": (
        "phone, phone number, telephone, tel, mobile, mobile phone, mobile phone number, cell, cell phone, "
        "work phone, business phone, phone 1 value, primary phone, person phone work, phone work, telefon, "
        "telefonnummer, handy, telephone number, telefono, telefone, telefoon, movil, celular, portable, "
        "contact number, telefon geschaftlich, telefon privat, mobiltelefon, mobil, mobilnummer, telefone comercial, "
        "telephone professionnel, telephone mobile"
    ),
    "company_name": (
        "company, company name, organization, organisation, org, organization name, organisation name, "
        "account, account name, employer, business, business name, firma, unternehmen, entreprise, societe, "
        "empresa, azienda, bedrijf, associated company, person organization, person organisation, "
        "organization 1 name"
    ),
    "job_title": (
        "job title, title, jobtitle, position, role, function, occupation, organization 1 title, "
        "berufsbezeichnung, titre, poste, cargo, puesto, functie, funktion"
    ),
    "source_name": (
        "source, source name, lead source, original source, lead origin, how did you hear about us, quelle, "
        "origine, fuente, origen, bron, herkunft, channel, contact source"
    ),
}
_COMPANY: Final = {
    "name": (
        "name, company, company name, organization, organisation, organization name, organisation name, "
        "account, account name, business name, firma, firmenname, unternehmen, entreprise, nom, empresa, "
        "nombre, azienda, bedrijf"
    ),
    "domain": (
        "domain, company domain, company domain name, website domain, email domain, domains, domane, domaine, dominio"
    ),
    "industry": "industry, sector, branche, secteur, industria, settore",
    "website": "website, web site, website url, url, homepage, web, webseite, site web, sitio web, sito web",
    "linkedin_url": "linkedin, linkedin url, linkedin profile, linkedin company page, company linkedin",
    "employee_count": (
        "employees, employee count, number of employees, headcount, size, company size, mitarbeiter, "
        "mitarbeiterzahl, effectif, empleados, numero de empleados"
    ),
    "annual_revenue": (
        "annual revenue, revenue, turnover, umsatz, jahresumsatz, chiffre d affaires, ingresos, fatturato"
    ),
    "phone": (
        "phone, phone number, company phone, telephone, tel, telefon, telefonnummer, telefono, telefone, telefoon"
    ),
}
_LOCATION: Final = {
    "address": (
        "business street, home street, "
        "address, street, street address, address 1, address line 1, mailing street, billing street, adresse, "
        "strasse, rue, direccion, calle, indirizzo, endereco, adres, straat, address 1 street, strasse "
        "geschaftlich, strasse privat"
    ),
    "city": (
        "business city, home city, "
        "city, town, locality, mailing city, billing city, stadt, ort, ville, ciudad, citta, cidade, plaats, "
        "address 1 city, ort geschaftlich, ort privat"
    ),
    "state": (
        "business state, home state, "
        "state, region, province, state region, county, mailing state, mailing state province, billing state, "
        "billing state province, bundesland, etat, estado, provincia, address 1 region, "
        "bundesland kanton geschaftlich, bundesland kanton privat"
    ),
    "zip_code": (
        "business postal code, home postal code, "
        "zip, zip code, zipcode, postal code, postcode, post code, mailing zip postal code, billing zip "
        "postal code, plz, postleitzahl, code postal, codigo postal, cap, cep, address 1 postal code, mailing "
        "postal code, billing postal code, postleitzahl geschaftlich, postleitzahl privat"
    ),
    "country": (
        "business country region, home country region, "
        "country, country region, nation, mailing country, billing country, land, pays, pais, paese, "
        "address 1 country, land region geschaftlich, land region privat"
    ),
    "notes": (
        "notes, note, description, comment, comments, remarks, bemerkungen, notizen, remarques, commentaires, "
        "notas, note interne, opmerkingen, about"
    ),
    "tags": (
        "tags, tag, labels, label, categories, category, keywords, groups, group membership, schlagworte, "
        "etiquettes, etiquetas, etichette, kategorien"
    ),
}
_SOURCE: Final = {
    "name": "name, source, source name, lead source, label, title, quelle, nom, nombre, nome, fuente, bron",
}

_NAMES: Final = {"contact": _CONTACT | _LOCATION, "company": _COMPANY | _LOCATION, "source": _SOURCE}


def normalize(header: str) -> str:
    """A header without case, accents, spaces and punctuation."""
    plain = unicodedata.normalize("NFKD", header).casefold()
    return "".join(character for character in plain if character.isalnum())


def fields_by_header(entity_type_name: str) -> dict[str, str]:
    """The field of each known header, which is normalized."""
    known: dict[str, str] = {}
    for field, names in _NAMES[entity_type_name].items():
        for name in names.split(","):
            known.setdefault(normalize(name), field)
    return known
