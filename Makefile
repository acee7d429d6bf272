# SPDX-License-Identifier: Apache-2.0
# The verbs of the project. Each is a script that may be run by itself.

.PHONY: help demo test test-vm bench build release install format gates fuzz soak deps

# Where `make install` puts the programs and the unit; packages set DESTDIR, the root of the tree they are made from.
PREFIX = /usr/local
DESTDIR =

help:
	@echo 'make demo     build, start serverd with demo services, talk to each of them, run until Ctrl-C'
	@echo 'make test     build and run every test; installs what tests need; closes with "N passed, N failed"'
	@echo 'make test-vm  boot a virtual machine, and let a fork bomb and a memory hog loose in control groups there'
	@echo 'make bench    measure serverd beside its peers; writes its figures as JSON into bench/out'
	@echo 'make build    a debug build            make release  an optimised build'
	@echo 'make install  what make release has built, into PREFIX=$(PREFIX) below DESTDIR=$(DESTDIR)'
	@echo 'make format   format the Swift code    make gates    the gates alone, after a build'
	@echo 'make soak     20 reloads a second for 60 seconds, with 300 clients a second, none of whom may notice'
	@echo 'make fuzz     fuzz the parsers of the admin socket for 60 seconds, or make fuzz SECONDS=N'

demo: deps
	@.ci/install-packages etc/demo/packages.txt
	@.ci/with-swift swift build
	@etc/demo/run

test:
	@.ci/test

test-vm: deps
	@.ci/install-packages Tests/Deployment/vm/packages.txt
	@.ci/with-swift swift build
	@.ci/with-swift Tests/Deployment/vm/run

bench: deps
	@.ci/install-packages bench/packages.txt
	@.ci/with-swift bench/run

build: deps
	@.ci/with-swift swift build

release: deps
	@.ci/with-swift swift build -c release --static-swift-stdlib

install:
	@test -x .build/release/serverd -a -x .build/release/serverctl || { echo 'run make release first' >&2; exit 1; }
	install -D -m 755 .build/release/serverd '$(DESTDIR)$(PREFIX)/sbin/serverd'
	install -D -m 755 .build/release/serverctl '$(DESTDIR)$(PREFIX)/bin/serverctl'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system' '$(DESTDIR)/etc/serverd/services.d'
	sed 's,=/usr/\(s*bin\)/,=$(PREFIX)/\1/,' etc/serverd.service \
		>'$(DESTDIR)$(PREFIX)/lib/systemd/system/serverd.service'
	@# The configuration is its owner's once it is there.
	test -e '$(DESTDIR)/etc/serverd/serverd.toml' || install -m 644 etc/serverd.toml '$(DESTDIR)/etc/serverd/serverd.toml'

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
