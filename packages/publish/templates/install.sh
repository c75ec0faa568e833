#!/bin/sh
# Installs @name@ on Linux and macOS without root; --help says more. Made by Sarma.
# zsh reads other words than sh, unless it is told to be one.
[ -z "${ZSH_VERSION:-}" ] || emulate sh
# Nothing happens before the shell has read the last brace: a script that arrives in part does nothing.
{
set -eu

name=@name@
programs=@programs@
# The folder of a version, and what leads to the newest one.
versions=@versions@
latest=@latest@
# Public keys of minisign; none: versions are not signed.
keys=@keys@
service=@service@
updates=@updates@

usage() {
  cat <<EOF
usage: install.sh [--version V] [--dir DIR] [--modify-path] [--require-signature | --insecure]
       install.sh --uninstall [--dir DIR]
  --version V          this version instead of the newest (@variable@_VERSION)
  --dir DIR            where to: ~/.local/bin, if not said otherwise (@variable@_BIN_DIR)
  --modify-path        add DIR to PATH in the file that your shell reads at its start
  --require-signature  install nothing where neither minisign nor OpenSSL 3 can check the signature
  --insecure           install also where nobody can tell who has answered (plain http), and no signature can be checked
  --uninstall          remove the executable, its previous version and what it unpacked
EOF
}

main() {
  version=${@variable@_VERSION:-}
  dir=${@variable@_BIN_DIR:-}
  modify_path=no
  require_signature=no
  insecure=no
  uninstall=no
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --dir)
        [ $# -gt 1 ] || wrong_usage "$1 needs a value."
        if [ "$1" = --dir ]; then dir=$2; else version=$2; fi
        shift
        ;;
      --version=*) version=${1#*=} ;;
      --dir=*) dir=${1#*=} ;;
      --modify-path) modify_path=yes ;;
      --require-signature) require_signature=yes ;;
      --insecure) insecure=yes ;;
      --uninstall) uninstall=yes ;;
      -h | --help)
        usage
        return
        ;;
      *) wrong_usage "$1 is no option." ;;
    esac
    shift
  done
  version=${version#v}
  case $version in *[!0-9A-Za-z.+-]*) wrong_usage "$version is no version." ;; esac
  default_dir=${XDG_BIN_HOME:-${HOME:+$HOME/.local/bin}}
  dir=${dir:-$default_dir}
  [ -n "$dir" ] || stop "HOME is not set, so there is no ~/.local/bin: say where to install with --dir DIR."
  # As PATH has it.
  case $dir in /*) ;; *) dir=$PWD/${dir#./} ;; esac
  case $dir in *?/) dir=${dir%/} ;; esac
  find_shell_file
  begin
  if [ "$uninstall" = yes ]; then uninstall_programs; else install_programs; fi
}

say() { printf '%s\n' "$*"; }

stop() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

wrong_usage() {
  printf 'install.sh: %s\n' "$*" >&2
  usage >&2
  exit 2
}

has() { command -v "$1" >/dev/null 2>&1; }

# Temporary files go whatever happens, and a folder that was made for nothing.
begin() {
  stage=
  made_dir=no
  made_parent=no
  work=$(mktemp -d) || stop "There is no room for temporary files: set TMPDIR to a folder that can be written to."
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

clean_up() {
  rm -rf "$work"
  [ -z "$stage" ] || rm -rf "$stage"
  [ "$made_dir" = no ] || rmdir "$dir" 2>/dev/null || :
  [ "$made_parent" = no ] || rmdir "${dir%/*}" 2>/dev/null || :
}

install_programs() {
  find_tools
  find_machine
  find_version
  fetch "${url}SHA256SUMS" "$work/SHA256SUMS" ||
    stop "There is no $name $version: ${url}SHA256SUMS is not there (404)."
  check_signature
  find_target
  for program in $programs; do prepare "$program"; done
  if [ -z "$stage" ]; then
    say "$name $version is in $dir already; nothing was changed."
  else
    for program in $programs; do put_in_place "$program"; done
    say "$name $version is in $dir now ($checked)."
  fi
  tell_path
}

find_tools() {
  has curl || has wget || stop "Neither curl nor wget is here to download with: install one of them."
  has sha256sum || has shasum || has openssl ||
    stop "None of sha256sum, shasum and openssl is here to check a download with: install one of them."
  # wget knows the small letters alone, and so does curl for http.
  http_proxy=${http_proxy:-${HTTP_PROXY:-}}
  https_proxy=${https_proxy:-${HTTPS_PROXY:-}}
  no_proxy=${no_proxy:-${NO_PROXY:-}}
  [ -z "$http_proxy" ] || export http_proxy
  [ -z "$https_proxy" ] || export https_proxy
  [ -z "$no_proxy" ] || export no_proxy
}

# The targets that run here, the best one first.
find_machine() {
  system=$(uname -s)
  cpu=$(uname -m)
  case $cpu in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    armv7* | armv8l) cpu=armv7l ;;
    i?86) cpu=x86 ;;
  esac
  case $system in
    Linux) find_linux ;;
    Darwin) find_mac ;;
    MINGW* | MSYS* | CYGWIN* | Windows_NT)
      stop "This is Windows: type  irm ${latest%latest.json}install.ps1 | iex  in PowerShell."
      ;;
    *) targets=$system-$cpu ;;
  esac
}

# The shell of the system says for what its programs are made: asking ldd or the kernel says it of neither
# a 32-bit system on a 64-bit kernel nor Alpine with glibc's loader beside its own.
find_linux() {
  if [ "$(head -c 5 /bin/sh | tail -c 1)" = "$(printf '\001')" ]; then
    case $cpu in
      x64) cpu=x86 ;;
      arm64) cpu=armv7l ;;
    esac
  fi
  targets=linux-$cpu
  loader=$(head -c 4096 /bin/sh | LC_ALL=C tr -cd 'a-z/-')
  case $loader in
    */ld-musl-*) targets=linux-$cpu-musl ;;
    */ld-linux* | */ld*) ;;
    *) [ ! -e /etc/alpine-release ] || targets=linux-$cpu-musl ;;
  esac
}

# Under Rosetta, uname names the CPU that is imitated.
find_mac() {
  [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" != 1 ] || cpu=arm64
  targets="darwin-$cpu darwin-universal"
  if [ "$cpu" = arm64 ] && arch -x86_64 /usr/bin/true 2>/dev/null; then targets="$targets darwin-x64"; fi
}

find_version() {
  if [ -z "$version" ]; then
    fetch "$latest" "$work/latest.json" || stop "No version of $name is published: $latest is not there (404)."
    version=$(sed -n 's/.*[{,[:space:]]"version"[[:space:]]*:[[:space:]]*"\([0-9A-Za-z.+-]*\)".*/\1/p' "$work/latest.json" | head -n 1)
    [ -n "$version" ] || stop "$latest does not say which version is the newest: say one with --version V."
  fi
  encoded=$(say "$version" | sed 's/+/%2B/g')
  url=${versions%%"{version}"*}$encoded${versions#*"{version}"}
}

# fetch ADDRESS FILE: fails where there is nothing at the address (404), and ends the script where it cannot be had.
fetch() {
  attempt=1
  until download "$1" "$2" 2>"$work/error"; do
    case $(cat "$work/error") in
      *"error: 404"* | *"ERROR 404"* | *"HTTP/1."?" 404"* | *"response 404"*) return 1 ;;
      # A wrong certificate, and an address that is not https: they do not pass.
      *"curl: (60)"* | *"curl: (1)"*) attempt=3 ;;
    esac
    [ "$attempt" -lt 3 ] || stop "$1 cannot be downloaded: $(grep '^curl: ' "$work/error" || tail -n 1 "$work/error")"
    sleep "$attempt"
    attempt=$((attempt + 1))
  done
  # Plain http, but for a server on this machine; and what busybox says where it takes any certificate.
  case $1 in
    https:* | http://localhost[:/]* | http://127.0.0.1[:/]*) ;;
    *) stranger="this is plain http" ;;
  esac
  if grep -q 'certificate validation not implemented' "$work/error"; then
    stranger="this wget takes any certificate"
  fi
}

# download ADDRESS FILE: says on stderr what was wrong.
download() {
  if ! has curl; then
    # No -T: with it the one of busybox 1.35 crashes. GNU's speaks the user's language, and Wget2 tells on stdout.
    LC_ALL=C wget -t 1 -O "$2" "$1" >&2
    return
  fi
  tls=
  case $1 in https:*) tls="--proto =https --tlsv1.2" ;; esac
  # A connection that has gone quiet ends after a minute. A curl that comes as a snap may not write below a hidden folder.
  # shellcheck disable=SC2086 # several words
  curl $tls -fsSL --connect-timeout 30 --speed-limit 1 --speed-time 60 "$1" >"$2"
}

sha256() {
  if has sha256sum; then
    digest=$(sha256sum <"$1")
  elif has shasum; then
    digest=$(shasum -a 256 <"$1")
  else
    digest=$(openssl dgst -sha256 -r <"$1")
  fi
  say "${digest%% *}"
}

# What SHA256SUMS says of a file; fails where it does not name it.
published_sha256() {
  while read -r digest file; do
    if [ "${file#\*}" = "$1" ]; then
      say "$digest"
      return
    fi
  done <"$work/SHA256SUMS"
  return 1
}

check_signature() {
  checked="SHA-256 checked"
  if [ -n "$keys" ]; then
    fetch "${url}SHA256SUMS.minisig" "$work/SHA256SUMS.minisig" ||
      stop "$name $version is not signed: ${url}SHA256SUMS.minisig is not there (404). Nothing was changed."
    comment=$(sed -n '3s/^trusted comment: //p' "$work/SHA256SUMS.minisig")
    [ "$comment" = "$name $version" ] ||
      stop "${url}SHA256SUMS was signed for \"$comment\", not for \"$name $version\". Nothing was changed."
    if has minisign; then
      verify_by verifies_with_minisign
      checked="signature checked by minisign"
    elif openssl_can_verify; then
      verify_by verifies_with_openssl
      checked="signature checked by openssl"
    else
      say "The signature was not checked: that takes minisign or OpenSSL 3, and neither is here."
      checked="SHA-256 checked, signature not"
    fi
  fi
  case $checked in signature*) return ;; esac
  [ "$require_signature" = no ] ||
    stop "The signature of $name $version cannot be checked here: install minisign. Nothing was changed."
  [ -z "${stranger:-}" ] || [ "$insecure" = yes ] ||
    stop "Nobody can tell who has answered ($stranger), and there is no signature that was checked. Nothing was changed; $(what_helps)."
}

what_helps() {
  if [ -n "$keys" ]; then
    say "install minisign, or take it as it is with --insecure"
  else
    say "--insecure takes it as it is"
  fi
}

verify_by() {
  for key in $keys; do
    if "$1" "$key"; then return; fi
  done
  stop "${url}SHA256SUMS was not signed by the key of $name, or was changed since. Nothing was changed."
}

verifies_with_minisign() {
  minisign -V -m "$work/SHA256SUMS" -P "$1" >/dev/null 2>&1
}

# Minisign's signature is Ed25519 over the BLAKE2b-512 of the file, and a second one over the first and the comment.
verifies_with_openssl() {
  decode "$1" | tail -c 32 >"$work/key"
  decode "$(sed -n 2p "$work/SHA256SUMS.minisig")" | tail -c 64 >"$work/signature"
  decode "$(sed -n 4p "$work/SHA256SUMS.minisig")" >"$work/second"
  openssl dgst -blake2b512 -binary <"$work/SHA256SUMS" >"$work/hash"
  {
    cat "$work/signature"
    printf %s "$comment"
  } >"$work/signed"
  ed25519 key hash signature && ed25519 key signed second
}

# An example of RFC 8032 (7.1, test 2): LibreSSL, OpenSSL before 3 and some that are FIPS have it wrong or not at all.
openssl_can_verify() {
  has openssl && openssl dgst -blake2b512 </dev/null >/dev/null 2>&1 || return 1
  printf r >"$work/hash"
  decode PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw= >"$work/key"
  decode kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA== >"$work/signature"
  ed25519 key hash signature
}

decode() { printf '%s\n' "$1" | openssl base64 -d -A; }

# ed25519 KEY MESSAGE SIGNATURE. The head is what RFC 8410 puts before the 32 bytes of a public key.
ed25519() {
  {
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    cat "$work/$1"
  } >"$work/$1.der"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/$1.der" -rawin -in "$work/$2" -sigfile "$work/$3" >/dev/null 2>&1
}

find_target() {
  main_program=${programs%% *}
  for target in $targets; do
    if is_published_for "$target"; then return; fi
  done
  there=
  while read -r digest file; do
    file=${file#\*}
    case $file in
      *.*) ;;
      "${main_program}_linux-"* | "${main_program}_darwin-"*) there="$there${there:+, }${file#"${main_program}_"}" ;;
    esac
  done <"$work/SHA256SUMS"
  stop "There is no $name $version for this machine (${targets%% *}); there is ${there:-none for Linux and macOS}."
}

is_published_for() {
  for program in $programs; do
    published_sha256 "${program}_$1" >/dev/null || return 1
  done
}

# Downloads a program and lets it do what its first start does, unless it is here already.
prepare() {
  expected=$(published_sha256 "${1}_$target")
  if [ -f "$dir/$1" ] && [ ! -L "$dir/$1" ] && [ "$(sha256 "$dir/$1")" = "$expected" ]; then return; fi
  require_own "$dir/$1"
  if [ -z "$stage" ]; then make_stage; fi
  say "Downloading $url${1}_$target"
  fetch "$url${1}_$target" "$stage/$1" || stop "$url${1}_$target is not there (404). Nothing was changed."
  actual=$(sha256 "$stage/$1")
  [ "$actual" = "$expected" ] ||
    stop "$url${1}_$target is damaged: its SHA-256 is $actual, and should be $expected. Nothing was changed; try again."
  chmod 755 "$stage/$1"
  SARMA_MAINTENANCE=install "$stage/$1" </dev/null >/dev/null || stop "$name $version does not start here. Nothing was changed."
}

make_stage() {
  if [ ! -d "$dir" ]; then
    [ -d "${dir%/*}" ] || made_parent=yes
    mkdir -p "$dir" || stop "$dir cannot be made: say another folder with --dir DIR."
    made_dir=yes
  fi
  stage=$(mktemp -d "$dir/.$name.install.XXXXXX") ||
    stop "You may not write to $dir: say another folder with --dir DIR."
}

# Neither somebody else's program of the same name nor a package manager's link is touched.
require_own() {
  [ ! -L "$1" ] || stop "$1 is a link: remove it, or say another folder with --dir DIR."
  [ -e "$1" ] || return 0
  head -c 4000000 "$1" | LC_ALL=C tr -cd 'A-Z-' | grep -q SARMA-STAMP ||
    stop "$1 is another program than $name: move it away, or say another folder with --dir DIR."
}

# By renames: whoever starts the program meanwhile gets the old one or the new one. Where the program can update itself,
# it finds the old one where its own updates keep it.
put_in_place() {
  [ -e "$stage/$1" ] || return 0
  if [ -e "$dir/$1" ]; then
    if [ "$updates" = yes ]; then
      ln "$dir/$1" "$stage/$1.previous" 2>/dev/null || cp -p "$dir/$1" "$stage/$1.previous"
      # After an installation that was killed both may be one file, which mv does not move.
      rm -f "$dir/.$1.previous"
      mv -f "$stage/$1.previous" "$dir/.$1.previous"
    fi
    [ "$service" = no ] || say "Where a node of $1 runs, \`$1 restart\` or \`$1 upgrade\` takes the new version."
  fi
  mv -f "$stage/$1" "$dir/$1"
}

# The file that the user's shell reads at its start, and the line in it.
find_shell_file() {
  quoted="'$(say "$dir" | sed "s/'/'\\\\''/g")'"
  line="export PATH=$quoted:\"\$PATH\""
  shell_file=
  [ -n "${HOME:-}" ] || return 0
  case ${SHELL:-} in
    */bash) if [ "$(uname -s)" = Darwin ]; then find_login_file; else shell_file=$HOME/.bashrc; fi ;;
    */zsh) shell_file=${ZDOTDIR:-$HOME}/.zshrc ;;
    */fish)
      shell_file=${XDG_CONFIG_HOME:-$HOME/.config}/fish/config.fish
      line="contains -- $quoted \$PATH; or set -gx PATH $quoted \$PATH"
      ;;
    *) shell_file=$HOME/.profile ;;
  esac
  line="$line # by the installer of $name"
}

# Terminals on a Mac start login shells, of which bash reads the first of these that is there.
find_login_file() {
  for file in .bash_profile .bash_login .profile; do
    shell_file=$HOME/$file
    [ ! -e "$shell_file" ] || return 0
  done
  shell_file=$HOME/.bash_profile
}

tell_path() {
  case :$PATH: in
    *":$dir:"* | *":$dir/:"*)
      found=$(command -v "$main_program" || :)
      case $found in
        "$dir/$main_program" | "$dir//$main_program") ;;
        *) say "But \`$main_program\` is $found for this shell, which comes first in PATH." ;;
      esac
      ;;
    *)
      if [ -z "$shell_file" ]; then
        say "Add it to PATH: $line"
      elif [ "$modify_path" = yes ]; then
        add_to_shell_file
      else
        say "It is not in PATH. --modify-path adds this line to $shell_file:"
        say "  $line"
      fi
      ;;
  esac
}

add_to_shell_file() {
  if [ -e "$shell_file" ] && grep -qxF "$line" "$shell_file"; then return; fi
  mkdir -p "${shell_file%/*}"
  # A last line may have no end.
  if [ -s "$shell_file" ] && [ -n "$(tail -c 1 "$shell_file")" ]; then echo >>"$shell_file"; fi
  say "$line" >>"$shell_file"
  say "Added to $shell_file: $line"
}

uninstall_programs() {
  found=no
  state=
  advice=
  for program in $programs; do
    file=$dir/$program
    if [ -e "$file" ] || [ -L "$file" ]; then
      found=yes
      require_own "$file"
      if [ "$service" = yes ]; then ask_service; fi
      SARMA_MAINTENANCE=uninstall "$file" --yes </dev/null ||
        stop "$file was not removed.$advice If it does not start any more, remove it by: rm $file"
      rm -f "$file" || stop "$file cannot be removed: you may not write to $dir."
      say "removed $file"
    fi
    rm -rf "$dir/.$program.previous" "$dir/.$program."*.update
  done
  rm -rf "$dir/.$name.install."*
  remove_from_shell_file
  if [ "$dir" = "$default_dir" ]; then rmdir "$dir" "${dir%/*}" 2>/dev/null || :; fi
  [ "$found" = yes ] || say "$name is not in $dir; there was nothing to remove."
  [ ! -d "$state" ] || say "What it has kept stays: $state"
}

# Only the program knows where its state is, and whether the system starts it.
ask_service() {
  for scope in --user --system; do
    unit=$("$file" service status $scope </dev/null 2>/dev/null | head -n 1) || :
    if [ -f "$unit" ] && grep -qF "$file" "$unit"; then
      stop "$unit has the system start it: say \`$file service uninstall $scope\` first. Nothing was removed."
    fi
  done
  state=$("$file" describe </dev/null 2>/dev/null | sed -n 's/^  State  *//p') || :
  advice=" \`$file stop\` stops a node that runs."
}

# The file is written in place, since it may be a link. What it was lies beside it until that is done.
remove_from_shell_file() {
  if [ -z "$shell_file" ] || [ ! -e "$shell_file" ] || ! grep -qxF "$line" "$shell_file"; then return; fi
  backup=$shell_file.before-$name
  cp -p "$shell_file" "$backup" || stop "$shell_file stays as it is: take the line \"$line\" out of it."
  status=0
  grep -vxF "$line" "$backup" >"$shell_file" || status=$?
  case $status in
    0) rm -f "$backup" ;;
    1) rm -f "$backup" "$shell_file" ;; # nothing else was in it
    *) stop "$shell_file could not be written: what it was is $backup." ;;
  esac
}

main "$@"
}
