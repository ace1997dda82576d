#!/bin/sh
# Installs Shoal: downloads the archive for this machine, checks its sum and the signature of the sums,
# and puts the program, manual pages and completions below a prefix. Nothing is changed before all of it
# is there and right.
#
#   install.sh [--version V] [--prefix DIR] [--base-url URL] [--uninstall]
set -eu

version='@VERSION@'
base_url='@BASE_URL@'
public_key='@PUBLIC_KEY@'

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The name of the archive for this machine.
target() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) fail "there is no binary for $(uname -s); see the README for ways to run it from source" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no binary for $(uname -m); see the README for ways to run it from source" ;;
  esac
  printf 'shoal-%s-%s' "$os" "$arch"
}

# fetch NAME: downloads a file of the release into the temporary folder.
fetch() {
  if has curl; then curl -fsSL --retry 2 -o "$tmp/$1" "$base_url/$version/$1"
  elif has wget; then wget -q -O "$tmp/$1" "$base_url/$version/$1"
  else fail 'needs curl or wget'
  fi || fail "cannot download $base_url/$version/$1: try again, or check --base-url and --version"
}

sum_of() {
  if has sha256sum; then sha256sum <"$1"
  elif has shasum; then shasum -a 256 <"$1"
  elif has openssl; then openssl dgst -sha256 -r <"$1"
  else fail 'needs sha256sum, shasum or openssl'
  fi | cut -c1-64
}

decode() { if has base64; then base64 -d; else openssl base64 -d -A; fi; }

# Checks the signature of SHA256SUMS: with minisign, or with openssl 3.
check_signature() {
  if has minisign; then
    minisign -V -q -P "$public_key" -m "$tmp/SHA256SUMS" && return
  elif has openssl; then
    { printf '\060\052\060\005\006\003\053\145\160\003\041\000'
      printf %s "$public_key" | decode | tail -c 32; } >"$tmp/key"
    sed -n 2p "$tmp/SHA256SUMS.minisig" | decode >"$tmp/line"
    tail -c 64 "$tmp/line" >"$tmp/signature"
    openssl dgst -blake2b512 -binary "$tmp/SHA256SUMS" >"$tmp/digest"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/key" -rawin -in "$tmp/digest" \
      -sigfile "$tmp/signature" >/dev/null 2>&1 && return
  else
    fail 'needs minisign or openssl to check the signature'
  fi
  fail 'the signature of SHA256SUMS is wrong: nothing was installed'
}

# The files of an installation, relative to the prefix.
list=share/shoal/installed.txt

uninstall() {
  [ -f "$prefix/$list" ] || fail "no Shoal is installed in $prefix: name its --prefix"
  while IFS= read -r path; do rm -f "$prefix/$path"; done <"$prefix/$list"
  rm -f "$prefix/$list"
  rmdir "$prefix/share/shoal" 2>/dev/null || :
  echo "Shoal is removed from $prefix. Shared folders and their .shoal are left alone."
}

install_all() {
  name=$(target)
  mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ] ||
    fail "cannot write to $prefix: run it with sudo, or choose a --prefix of your own"
  # On the file system of the prefix, so that a full disk is found before anything is in place.
  tmp=$(mktemp -d "$prefix/.shoal-install.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  fetch SHA256SUMS
  fetch SHA256SUMS.minisig
  check_signature
  fetch "$name.tar.gz"
  expected=$(sed -n "s/^\([0-9a-f]*\)  $name\.tar\.gz\$/\1/p" "$tmp/SHA256SUMS")
  [ -n "$expected" ] || fail "this release has no $name"
  [ "$(sum_of "$tmp/$name.tar.gz")" = "$expected" ] ||
    fail "$name.tar.gz was damaged on its way: nothing was installed; try again"
  tar -xzf "$tmp/$name.tar.gz" -C "$tmp" 2>/dev/null ||
    fail "cannot unpack $name.tar.gz: is there space on $prefix? Nothing was installed"
  from=$tmp/$name
  "$from/shoal" --version >/dev/null 2>&1 || fail "the program doesn't run on this machine"
  root=$tmp/root
  mkdir -p "$root/bin" "$root/share/man/man1" "$root/share/shoal" \
    "$root/share/bash-completion/completions" "$root/share/zsh/site-functions" \
    "$root/share/fish/vendor_completions.d"
  mv "$from/shoal" "$root/bin/"
  mv "$from"/man/*.1 "$root/share/man/man1/"
  mv "$from/completions/shoal.bash" "$root/share/bash-completion/completions/shoal"
  mv "$from/completions/_shoal" "$root/share/zsh/site-functions/"
  mv "$from/completions/shoal.fish" "$root/share/fish/vendor_completions.d/"
  (cd "$root" && find . -type f | sed 's,^\./,,' | sort) >"$tmp/list"
  mv "$tmp/list" "$root/$list"
  # Only renames are left to do. The program is last: once it is there, all of it is.
  (cd "$root" && find . -type d) | while IFS= read -r folder; do mkdir -p "$prefix/$folder"; done
  for path in $(grep -v '^bin/' "$root/$list") "$list" bin/shoal; do
    mv -f "$root/$path" "$prefix/$path"
  done
  echo "Shoal $("$prefix/bin/shoal" --version) is installed in $prefix."
  case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) echo "Add it to your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
  esac
}

main() {
  prefix=/usr/local
  [ "$(id -u)" = 0 ] || prefix=${HOME:?}/.local
  action=install_all
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --prefix | --base-url)
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
          --version) version=$2 ;;
          --prefix) prefix=$2 ;;
          --base-url) base_url=${2%/} ;;
        esac
        shift
        ;;
      --uninstall) action=uninstall ;;
      *) fail "unknown option $1: there are --version, --prefix, --base-url and --uninstall" ;;
    esac
    shift
  done
  case $action$base_url in install_all@*) fail 'needs --base-url: the address of the releases' ;; esac
  $action
}

# At the end, so that a script that was cut off on its way does nothing.
main "$@"
