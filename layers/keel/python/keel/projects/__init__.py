"""Projects: the work that is proposed to companies and done for them."""
