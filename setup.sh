#!/bin/sh
# Installs what Fenta needs to build, run and test on Debian 12 (or a relative with apt): says what it does, asks nothing,
# does nothing when everything is there. On other systems it prints what to install and stops.
set -eu
cd "$(dirname "$0")"

# package: why
packages='
ffmpeg:              the ffmpeg and ffprobe programs (tests measure results with them)
libavcodec-dev:      FFmpeg libraries the renderer links
libavformat-dev:     FFmpeg libraries the renderer links
libavfilter-dev:     FFmpeg libraries the renderer links
libavutil-dev:       FFmpeg libraries the renderer links
libswscale-dev:      FFmpeg libraries the renderer links
libswresample-dev:   FFmpeg libraries the renderer links
libclang-dev:        generates the bindings to FFmpeg
clang:               its headers
pkg-config:          finds the libraries
curl:                asks the API as its users do (tests)
build-essential:     C compiler for SQLite and the TLS library
cmake:               builds the TLS library
libflite1:           the English voices
espeak-ng:           voices for other languages
fonts-inter:         the typeface of the templates
fonts-noto-core:     letters Inter does not have
fonts-noto-cjk:      Chinese, Japanese and Korean letters (54 MiB to load, the only package with bold ones)
fonts-dejavu-core:   letters for the text tests
fonts-noto-color-emoji: emoji
pocketsphinx:        speech recognition (tests listen to the voice)
pocketsphinx-en-us:  its English model
'

say() { printf 'setup: %s\n' "$*"; }

if ! command -v apt-get >/dev/null 2>&1; then
  say "this script knows Debian and its relatives only. Install by hand:"
  printf '%s\n' "$packages" | sed -n 's/^\([a-z0-9-]*\): */  \1  - /p'
  say "Fedora: dnf install ffmpeg-devel clang-devel pkgconf-pkg-config gcc cmake flite espeak-ng rsms-inter-fonts google-noto-sans-fonts google-noto-color-emoji-fonts"
  say "macOS:  brew install ffmpeg pkg-config cmake espeak-ng font-inter (flite is not packaged there: use espeak-ng voices)"
  exit 1
fi

missing=''
for name in $(printf '%s\n' "$packages" | sed -n 's/^\([a-z0-9-]*\):.*/\1/p'); do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $name"
done

# The YAML language server that a test talks to needs node; where it is there already, any way it came is good.
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
  missing="$missing nodejs npm"
fi

# So is Python for schemathesis, which asks the API what nobody would think of.
if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  missing="$missing python3 python3-venv"
fi

if [ -n "$missing" ]; then
  as_root=''
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { say "not root and no sudo; as root run: apt-get install$missing"; exit 1; }
    as_root='sudo'
  fi
  for name in $missing; do
    printf '%s\n' "$packages" | sed -n "s/^$name: */setup: installing $name - /p"
  done
  export DEBIAN_FRONTEND=noninteractive
  $as_root apt-get update -qq
  # shellcheck disable=SC2086  # the list is words by intent
  $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
  say "system packages installed"
else
  say "system packages: all there"
fi

if ! command -v cargo >/dev/null 2>&1; then
  say "no Rust toolchain found. Install Rust 1.92 or newer (https://rustup.rs), then run this again."
  exit 1
fi
need=92
have=$(cargo --version | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
if [ -n "$have" ] && [ "$have" -lt "$need" ]; then
  say "cargo 1.$have is too old: 1.$need or newer is needed (rustup update stable)"
  exit 1
fi
say "$(cargo --version): good"

# The server itself: pinned in tests/lsp, installed where build results go.
lsp=target/lsp
if cmp -s tests/lsp/package-lock.json "$lsp/package-lock.json" && [ -d "$lsp/node_modules/yaml-language-server" ]; then
  say "YAML language server: there"
else
  mkdir -p "$lsp"
  cp tests/lsp/package.json tests/lsp/package-lock.json "$lsp/"
  npm ci --prefix "$lsp" --ignore-scripts --no-audit --no-fund --loglevel=error
  say "YAML language server: installed"
fi

# Pinned in tests/schemathesis, with everything it needs.
st=target/schemathesis
if cmp -s tests/schemathesis/requirements.txt "$st/requirements.txt" && [ -x "$st/bin/schemathesis" ]; then
  say "schemathesis: there"
else
  rm -rf "$st"
  mkdir -p target
  python3 -m venv "$st"
  "$st/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tests/schemathesis/requirements.txt
  cp tests/schemathesis/requirements.txt "$st/"
  say "schemathesis: installed"
fi
