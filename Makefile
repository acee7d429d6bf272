# SPDX-License-Identifier: Apache-2.0
# The verbs of the project. Each is a script that may be run by itself.

.PHONY: help demo test test-deployment test-vm bench operate build release install man completions deb format gates fuzz soak deps

# Where `make install` puts the programs and the unit; packages set DESTDIR, the root of the tree they are made from.
PREFIX = /usr/local
DESTDIR =

help:
	@echo 'make demo     build, start serverd with demo services, talk to each of them, run until Ctrl-C'
	@echo 'make test     build and run every test; installs what tests need; closes with "N passed, N failed"'
	@echo 'make test-deployment  install the package under a real systemd 252 and 257: reload, crash, upgrade, stop, purge'
	@echo 'make test-vm  boot a virtual machine, and let a fork bomb and a memory hog loose in control groups there'
	@echo 'make bench    measure serverd beside its peers; writes its figures as JSON into bench/out'
	@echo 'make operate  measure listing, closing, draining and reloading with 5,000 connections; says what is not met'
	@echo 'make build    a debug build            make release  an optimised build'
	@echo 'make install  what make release has built, into PREFIX=$(PREFIX) below DESTDIR=$(DESTDIR)'
	@echo 'make deb      the Debian packages of HEAD, into .build/deb'
	@echo 'make man      the manual pages         make completions  the shells'"'"' completions; make install installs what there is'
	@echo 'make format   format the Swift code    make gates    the gates alone, after a build'
	@echo 'make soak     20 reloads a second for 60 seconds, with 300 clients a second, none of whom may notice'
	@echo 'make fuzz     fuzz the parsers of the admin socket for 60 seconds, or make fuzz SECONDS=N'

demo: deps
	@.ci/install-packages etc/demo/packages.txt
	@.ci/with-swift swift build
	@etc/demo/run

test:
	@.ci/test

test-deployment: deb
	@.ci/install-packages Tests/Deployment/packages.txt
	@Tests/Deployment/run bookworm
	@Tests/Deployment/autopkgtest trixie

test-vm: deps
	@.ci/install-packages Tests/Deployment/vm/packages.txt
	@.ci/with-swift swift build
	@.ci/with-swift Tests/Deployment/vm/run

bench: deps
	@.ci/install-packages bench/packages.txt
	@.ci/with-swift bench/run

operate: release
	@bench/operate

build: deps
	@.ci/with-swift swift build

release: deps
	@.ci/with-swift swift build -c release --static-swift-stdlib

man:
	@.ci/install-packages packaging/man/packages.txt
	@mkdir -p .build/man
	@for page in packaging/man/*.scd; do scdoc <$$page >.build/man/$$(basename $$page .scd) || exit 1; done

completions:
	@test -x .build/release/serverctl || { echo 'run make release first' >&2; exit 1; }
	@mkdir -p .build/completions
	@# bash sources its file, and runs it never.
	@for shell in bash zsh fish; do \
		.build/release/serverctl completion $$shell | sed '1{/^#!/d}' >.build/completions/$$shell || exit 1; \
	done

install:
	@packaging/install '$(DESTDIR)' '$(PREFIX)'

deb:
	@packaging/build-deb

format:
	@.ci/with-swift swift format -i -r -p Package.swift Sources Tests

gates:
	@.ci/gates

fuzz: deps
	@.ci/with-swift Tests/Fuzz/run $(SECONDS)

soak: deps
	@SERVERD_TEST_RELOAD_SECONDS=60 SERVERD_TEST_RELOAD_CLIENTS=300 .ci/with-swift swift test --filter ReloadLoadTests

deps:
	@.ci/prepare
