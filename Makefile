# make demo and make test need nothing but Python 3.10 to 3.14 and make: see tools/prerequisites.sh.

# The ansible-core to use: the newest that the Python can run, or CORE=2.16, the oldest that is supported, 2.19, 2.21, or
# devel, what is to come.
CORE ?=
PYTHON ?=
ARGS ?=
TESTS ?= tests
CASES ?= 10000
SAMPLE ?=
SHARE ?=
WHOLE :=
LOOKS :=
TRIES ?= 100
DAYS ?= 30
PLANTINGS ?= 1000
PYTHONS ?= 3.13 3.14
ENGINE ?= embedded
BYTEWAX_PYTHON ?=
FLINK_JAVA ?= java
WALLAROO_HOME ?=
WALLAROO_VERSION ?= 0.5.4
SCENARIO ?=
SESSION ?=
SCENARIOS := hosts provision xenial
ifneq ($(and $(filter molecule,$(MAKECMDGOALS)),$(filter-out $(SCENARIOS),$(SCENARIO))),)
$(error SCENARIO=$(SCENARIO) is not known: leave it out for all, or use one of $(SCENARIOS))
endif
LINTS := ansible types yaml rules python format changelog workflows shell

# The oldest and the newest Python 3 that each can run.
PYTHONS_OF_2.16 := 10 12
PYTHONS_OF_2.19 := 11 13
PYTHONS_OF_2.21 := 12 14
PYTHONS_OF_devel := 13 14
DEVEL ?= https://github.com/ansible/ansible/archive/devel.tar.gz
INSTEAD :=

ifeq ($(CORE),)
ENVIRONMENT := .venv
LOCK := requirements/controller.txt
RUNS_ON := 10 14
else ifeq ($(PYTHONS_OF_$(CORE)),)
$(error CORE=$(CORE) is not known: leave it out for the newest ansible-core, or use CORE=2.16, the oldest that is supported, 2.19, 2.21 or devel)
else
ENVIRONMENT := .venv-$(CORE)
LOCK := requirements/core-$(CORE).txt
RUNS_ON := $(PYTHONS_OF_$(CORE))
endif
ifeq ($(CORE),devel)
LOCK := requirements/controller.txt
INSTEAD := --instead=$(DEVEL)
endif

# First on PATH, since ansible-lint and molecule call the other tools by their names.
export PATH := $(CURDIR)/$(ENVIRONMENT)/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/.collections
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
unexport PYTHONHOME
# Every playbook, module and process of the tests would compile all of the collection anew.
unexport PYTHONDONTWRITEBYTECODE
# Ansible refuses to work with another encoding.
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif

install = python=$$(sh tools/prerequisites.sh "$(PYTHON)" $(lastword $(RUNS_ON)) $(firstword $(RUNS_ON))) && "$$python" -I tools/environment.py $(INSTEAD) $(ENVIRONMENT) $(1)

# Each playbook is a target. Its variables are what make is given as name=value in small letters; make exports them.
PLAYBOOKS := $(filter-out demo,$(basename $(notdir $(wildcard playbooks/*.yml))))
VARIABLES := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
AS_VARIABLES = -e "$$(python tools/given_variables.py $(VARIABLES))"

# With ENGINE=bytewax or ENGINE=flink, what a playbook needs that starts a cluster.
STARTING := demo verify_migration verify_restart start_cluster preflight
ifeq ($(ENGINE),bytewax)
$(STARTING): bytewax
$(STARTING): ENGINE_VARIABLES = -e '{"engine": "bytewax", "bytewax_home": "$(CURDIR)/.venv-bytewax"}'
else ifeq ($(ENGINE),flink)
$(STARTING): flink
$(STARTING): ENGINE_VARIABLES = -e '{"engine": "flink", "flink_home": "$(CURDIR)/.flink"}'
endif

.DEFAULT_GOAL := help
.PHONY: help $(PLAYBOOKS) venv tools bytewax flink demo test test-all test-unit test-pythons test-pythons-all soak-trust soak-verifier molecule $(SCENARIOS:%=molecule-%) conformance fuzz lint $(LINTS:%=lint-%) format docs sanity galaxy-importer build release nox lock bench clean clean-runs

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14
	@printf '\nand each playbook, as in make migrate worker=2 src=2 dst=4:\n'
	@echo '$(PLAYBOOKS)' | fold -s -w 100 | sed 's/^/  /'

# What a playbook needs, and in the same place what the tests and linters need besides.
venv:
	@$(call install,$(LOCK))

tools:
	@$(call install,$(LOCK) requirements/tools.txt)

# bytewax has wheels for no newer Python than 3.12.
bytewax: ## make an environment with bytewax, a living engine: make demo ENGINE=bytewax (BYTEWAX_PYTHON=python3.11)
	@python=$$(sh tools/prerequisites.sh "$(BYTEWAX_PYTHON)" 12) && \
		"$$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13) and "bytewax needs a Python 3.10 to 3.12: install one, or name it as in make bytewax BYTEWAX_PYTHON=/path/to/python3.12")' && \
		"$$python" -I tools/environment.py .venv-bytewax roles/bytewax_env/files/bytewax.txt

# The archive of classes is made last. It is named by what it was made of, so it is not there when that is another.
flink: venv ## bring Apache Flink, a living engine: make demo ENGINE=flink (FLINK_JAVA=/path/to/java)
	@made=$$(sed -n 's/^DIGEST = "\(.*\)"$$/\1/p' plugins/module_utils/_engines/flink/job.py) && \
		if ! test -e ".flink/usrlib/wallaroo-resilience-$$made.jsa"; then \
			ansible-playbook playbooks/setup_flink.yml -e '{"flink_home": "$(CURDIR)/.flink", "flink_env_java": "$(FLINK_JAVA)"}'; fi

demo: venv ## start a cluster, crash a worker, move it, and verify every message (workers=3 path=2,4 ENGINE=flink)
	@ansible-playbook playbooks/demo.yml $(ENGINE_VARIABLES) $(AS_VARIABLES) $(ARGS)

$(PLAYBOOKS): venv
	@ansible-playbook playbooks/$@.yml $(ENGINE_VARIABLES) $(AS_VARIABLES) $(ARGS)

# The slowest tests are listed at the end, and where a sample was run how to repeat it.
test: lint ## check the sources and run the tests, a sample of what is slow (TESTS=tests/unit, CORE=2.16, SAMPLE=seed)
	@python -m pytest --durations=20 --durations-min=1 $(WHOLE) $(if $(SAMPLE),--sample=$(SAMPLE)) $(TESTS) $(ARGS)

test-all: WHOLE := --whole
test-all: test ## the same with all that is slow: half an hour on two cores

test-unit: tools ## run the tests that start no cluster
	@python -m pytest tests/unit $(ARGS)

test-pythons: tools ## do what README tells on Pythons of other Debians: root, debootstrap (PYTHONS=3.14 SHARE=4)
	@python tools/pythons.py $(if $(SHARE),--share=$(SHARE)) $(WHOLE) $(PYTHONS)

test-pythons-all: WHOLE := --whole
test-pythons-all: test-pythons ## the same with all of make test-all, half an hour for each

conformance: tools ## run the conformance tests (ENGINE=wallaroo WALLAROO_HOME=... WALLAROO_VERSION=0.5.4)
	@ENGINE="$(ENGINE)" WALLAROO_HOME="$(WALLAROO_HOME)" WALLAROO_VERSION="$(WALLAROO_VERSION)" \
		python -m pytest tests/conformance -n 0 -v $(ARGS)

molecule: $(addprefix molecule-,$(or $(SCENARIO),$(SCENARIOS))) ## test on containers reached by SSH: root, podman, runc, iptables, debootstrap (SCENARIO=hosts)

# They have nothing in common but the image that two are made from, so that they can run side by side.
$(SCENARIOS:%=molecule-%): molecule-%: tools
	@python molecule/shared/containers.py check
	@molecule --base-config molecule/config.yml reset -s $* >/dev/null 2>&1 || true
	@case $* in xenial) printf 'xenial: '; python molecule/shared/containers.py reachable xenial 2>&1 || exit 0;; esac; \
		env -u ANSIBLE_CONFIG molecule --base-config molecule/config.yml test -s $* $(ARGS)

fuzz: tools ## run the fuzz tests for long (CASES=10000 for each parser and port)
	@FUZZ_CASES=$(CASES) python -m pytest tests/fuzz $(ARGS)

soak-trust: tools ## interrupt runs, locks, starts and moves at moments of chance (TRIES=100 for each test)
	@TRUST_TRIES=$(TRIES) python -m pytest tests/integration/trust $(ARGS)

soak-verifier: tools ## plant violations into streams of varied shape, and look at as many clean ones (PLANTINGS=1000)
	@PLANTINGS=$(PLANTINGS) python -m pytest -n 0 tests/unit/verification/test_plantings.py tests/unit/verification/test_guarantees.py $(ARGS)

# The parts run side by side, the longest first. All say what they find, each in one piece, and make names those that fail.
lint: tools ## check the sources
	@$(MAKE) --no-print-directory --jobs=$$(nproc) --keep-going --output-sync=target $(LINTS:%=lint-%)

$(LINTS:%=lint-%): tools

lint-ansible:
	@ansible-lint --offline --strict -q

lint-types:
	@cd .collections && mypy --config-file ../pyproject.toml -p ansible_collections.wallaroo.resilience.plugins

lint-yaml:
	@yamllint --strict .

lint-rules:
	@python tools/check_rules.py

lint-python:
	@ruff check .

lint-format:
	@ruff format --check --quiet .

lint-changelog:
	@antsibull-changelog lint

# The first knows what a workflow may say, the second what it should not.
lint-workflows:
	@check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@zizmor --offline --quiet --no-progress .github/workflows

lint-shell:
	@shellcheck --exclude=SC1091 .ci/run $$(find . -path './.?*' -prune -o -name '*.sh' -print)

format: tools ## format the Python sources, and write what is made of the declarations of the steps
	@python tools/declared.py
	@ruff check --fix-only --quiet .
	@ruff format --quiet .

# In an environment of its own, since Ansible needs none of it; what plugins say of themselves is asked of Ansible.
docs: venv ## build the documentation site into build/docs and check every link in it
	@python=$$(sh tools/prerequisites.sh "$(PYTHON)" 14) && "$$python" -I tools/environment.py .venv-docs requirements/docs.txt
	@PATH="$(CURDIR)/.venv-docs/bin:$$PATH" python tools/site/build.py

# ansible-test brings the tools of its tests along, each in an environment of its own.
sanity: ## look at the archive with ansible-test sanity and galaxy-importer (PYLINT=1 for all of it)
galaxy-importer: LOOKS := importer
galaxy-importer: ## look at the archive with galaxy-importer alone
sanity galaxy-importer:
	@python=$$(sh tools/prerequisites.sh "$(PYTHON)" 14) && "$$python" -I tools/environment.py .venv-sanity requirements/sanity.txt
	@PATH="$(CURDIR)/.venv-sanity/bin:$$PATH" python tools/sanity.py $(LOOKS)

build: venv ## build the archive of the collection into dist/
	@mkdir -p dist && ansible-galaxy collection build --force --output-path dist

release: tools ## make the release that galaxy.yml names, into dist/ and a commit; nothing is tagged, pushed or uploaded
	@python tools/release.py

nox: tools ## run a job of the workflow as it runs there (SESSION="unit-2.19-3.13"); without one list them
	@nox $(if $(SESSION),--session $(SESSION),--list)

bench: tools ## measure
	@for benchmark in tests/benchmarks/bench_*.py; do echo "== $$benchmark"; python "$$benchmark" || exit 1; done

lock: ## choose the newest versions of all tools anew (needs uv)
	@sh tools/lock.sh --upgrade

clean-runs: venv ## remove the folders of runs that ended long ago, below wallaroo_runs=runs (DAYS=30)
	@wallaroo-resilience clean_runs days="$(DAYS)" runs="$(or $(wallaroo_runs),runs)"

clean: ## remove everything that make has made, but for runs/
	@rm -rf .venv .venv-* .flink build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible .nox
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
