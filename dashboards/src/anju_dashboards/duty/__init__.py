"""Who is on duty: the rotas' weeks, handing over, and groups of people."""
