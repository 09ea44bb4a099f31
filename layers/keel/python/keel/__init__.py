"""What the functions of Keel share: the rules of the CRM and how they are kept."""
