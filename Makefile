# Everything is done by scripts/setup.py, so that `py scripts/setup.py run` does the same on Windows.
# ARGS goes on to the last command: make run ARGS="--server.port 8600", make test ARGS="-k video".
PYTHON ?= python3
ARGS ?=
SETUP := @$(PYTHON) scripts/setup.py

.PHONY: run install test test-fast test-long check clean

run:        ## install what is missing and start the app
	$(SETUP) run $(ARGS)

install:    ## only install
	$(SETUP) install

test:       ## lint, types and every test that is not marked `long`
	$(SETUP) test $(ARGS)

test-fast:  ## lint, types and the files of quick tests: what to run while working
	$(SETUP) test-fast $(ARGS)

test-long:  ## the tests marked `long`
	$(SETUP) test-long $(ARGS)

check:      ## lint and types only
	$(SETUP) check

clean:      ## remove the environment and what tools left
	$(SETUP) clean
