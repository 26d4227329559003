"""Output for people: feedback pages, the class report, tables and exports."""
