"""The app: logging, navigation."""

import logging

from core.ui.navigation import navigate

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
navigate().run()
