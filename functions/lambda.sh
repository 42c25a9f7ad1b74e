#!/usr/bin/env bash
# Builds the three functions for AWS Lambda. See `make functions`.
#
#   lambda.sh arm64|x86_64 [zip]
#
# leaves the programs in <target>/<triple>/lambda/, and with `zip` also the archives that AWS takes
# in <target>/lambda/<function>/bootstrap.zip. The same sources give the same bytes, wherever and
# whenever they are built with the same tools.
set -euo pipefail
cd "$(dirname "$0")/.."

architecture=$1
case $architecture in
	# The oldest processors that Lambda has.
	arm64) triple=aarch64-unknown-linux-gnu cpu=neoverse-n1 ;;
	x86_64) triple=x86_64-unknown-linux-gnu cpu=haswell ;;
	*)
		echo "LAMBDA_ARCH=$architecture is none of arm64, x86_64; an example is LAMBDA_ARCH=x86_64" >&2
		exit 1
		;;
esac
# The C library of Amazon Linux 2023, which is what `provided.al2023` runs.
glibc=2.34

target=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")
tools=$target/cargo-lambda
needs=(cargo-lambda==1.9.2 ziglang==0.17.1)
ready=$tools/ready-$(IFS=_ && echo "${needs[*]}")
if [ ! -e "$ready" ]; then
	echo "Installing ${needs[*]} from PyPI into $tools: they build for Lambda's processors and C library"
	rm -rf "$tools"
	python3 -m venv "$tools"
	"$tools/bin/pip" install --quiet --disable-pip-version-check "${needs[@]}"
	touch "$ready"
fi
auditable=cargo-auditable@0.7.7
if [ ! -e "$tools/ready-$auditable" ]; then
	echo "Installing $auditable from crates.io into $tools: it writes into each program which packages it is made of"
	cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" "$auditable"
	rm -rf "$tools/build"
	touch "$tools/ready-$auditable"
fi
if ! rustc --print target-libdir --target "$triple" | xargs test -d; then
	echo "Adding $triple to the Rust toolchain: its standard library for Lambda's processors"
	rustup target add "$triple"
fi

# Sources are named by what they are, not by where this machine keeps them.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
places=("$cargo_home=/cargo" "$PWD=/vitrine" "$target=/target")
rust_flags=(-C "target-cpu=$cpu")
c_flags=()
for place in "${places[@]}"; do
	rust_flags+=("--remap-path-prefix=$place")
	c_flags+=("-ffile-prefix-map=$place")
done
export PATH=$tools/bin:$PATH
export CARGO_TARGET_DIR=$target
export CARGO_ENCODED_RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${rust_flags[*]}")
export "CFLAGS_${triple//-/_}=${c_flags[*]}"
export "CXXFLAGS_${triple//-/_}=${c_flags[*]}"
# A profile of our own, because `--release` would have cargo-lambda set panic=abort.
cargo auditable lambda build --locked --profile lambda --target "$triple.$glibc" \
	--package functions --no-default-features --features avif,heic --bins --output-format binary --lambda-dir "$target/$triple/lambda/out"

if [ "${2:-}" = zip ]; then
	python3 functions/lambda.py "$architecture" "$glibc" "$target/$triple/lambda/out" "$target/lambda"
fi
