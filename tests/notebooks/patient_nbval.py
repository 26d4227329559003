"""A pytest plugin for nbval's runs: nbval gives up when a cell that has ended is silent for five seconds, which a busy machine is."""


def pytest_collectstart(collector):
    if hasattr(collector, "output_timeout"):
        collector.output_timeout = 120
