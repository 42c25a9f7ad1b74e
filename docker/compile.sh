#!/bin/sh
# The build steps of web.Dockerfile. BuildKit sets TARGETARCH, the architecture of the image, which can
# differ from the one of the build machine.
#
#   compile.sh tools         installs the build tools
#   compile.sh skeleton      creates /skeleton, with all files that determine the dependencies
#   compile.sh dependencies  builds the dependencies
#   compile.sh program       builds the program, and creates /image, the files of the image
set -eu

case $TARGETARCH in
	amd64) machine=x86_64 ;;
	arm64) machine=aarch64 ;;
	*)
		echo "Vitrine is built for amd64 and arm64, not for $TARGETARCH" >&2
		exit 1
		;;
esac
triple=$machine-unknown-linux-gnu
is_cross=false
[ "$machine" = "$(uname -m)" ] || is_cross=true

tools() {
	# cmake, nasm and make: libjpeg-turbo; perl: the TLS library.
	set -- cmake make nasm perl
	if $is_cross; then
		set -- "$@" "gcc-$(echo "$machine" | tr _ -)-linux-gnu" "libc6-dev-$TARGETARCH-cross"
		rustup target add "$triple"
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
	rm -rf /var/lib/apt/lists/*
	# Writes into the program which packages it is made of.
	cargo install --quiet --locked cargo-auditable@0.7.7
}

skeleton() {
	mkdir /skeleton
	# Manifests, and the crate roots that Cargo requires, with empty content.
	find . \( -name Cargo.toml -o -name Cargo.lock -o -name build.rs -o -path '*/src/lib.rs' \
		-o -path '*/src/main.rs' -o -path '*/src/bin/*.rs' -o -path '*/benches/*.rs' \) \
		-exec cp --parents {} /skeleton \;
	find /skeleton -name '*.rs' | while read -r file; do
		printf '#![allow(warnings)]\nfn main() {}\n' > "$file"
	done
}

build() {
	if $is_cross; then
		name=$(echo "$triple" | tr a-z- A-Z_)
		export "CARGO_TARGET_${name}_LINKER=$machine-linux-gnu-gcc"
	fi
	cargo auditable build --release --locked --package web --bin vitrine --target "$triple"
}

dependencies() {
	build
	# Cargo compares modification times, and COPY keeps them: the artifacts of the empty sources would
	# count as up to date.
	cargo clean --release --locked --workspace --target "$triple"
}

program() {
	build
	# Fixed modification times keep the image reproducible.
	mkdir -p /image/state
	install -m 0755 "target/$triple/release/vitrine" /image/vitrine
	install -d -m 1777 /image/state/vitrine
	touch --date=@0 /image/vitrine /image/state/vitrine /image/state
}

"$1"
