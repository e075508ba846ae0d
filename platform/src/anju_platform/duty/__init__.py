"""Who is on duty: groups of people, rotas of shifts, and handing over."""
