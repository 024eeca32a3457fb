"""Does one thing beside all others, until it is told to finish."""

import threading


class Worker(threading.Thread):
    """Waits on `finishing` where it would sleep."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.finishing = threading.Event()

    def finish(self):
        self.finishing.set()
        self.join()
