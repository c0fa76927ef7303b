"""How far the words of a subject model steer an investigator."""
