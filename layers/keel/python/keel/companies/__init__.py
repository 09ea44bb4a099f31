"""Companies: the organisations that contacts work for and projects are done for."""
