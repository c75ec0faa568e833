#!/bin/sh
# Starts @program@ of the release @release@, and passes its commands on. Made by Sarma: a new assembly writes it anew.
# Values of the environment and of files are only ever expanded in quotes; `eval` sees names made here, never them.
# Variables of its own begin with sarma_, so that nothing the program should inherit is overwritten.

sarma_program='@program@'
sarma_release='@release@'
sarma_kind='@kind@'

# What is set from outside; a release sets the others itself.
sarma_settings='RELEASE_COOKIE RELEASE_NODE RELEASE_DISTRIBUTION RELEASE_MODE RELEASE_TMP RELEASE_VM_ARGS
  RELEASE_REMOTE_VM_ARGS RELEASE_SYS_CONFIG RELEASE_BOOT_SCRIPT RELEASE_CONFIG_DIR RELEASE_MUTABLE_DIR RELEASE_READ_ONLY
  RELEASE_BASE_DIR RELEASE_HEART RELEASE_LOG_FILE'

sarma_prepare() {
  # Meant for this process; a child, of env.sh too, may be a release with another runtime.
  sarma_node=${SARMA_RUNTIME-}
  sarma_guard=
  [ -z "$sarma_node" ] || sarma_guard=${SARMA_GUARD-}
  sarma_called=${SARMA_CALLED:-$sarma_self}
  unset SARMA_RUNTIME SARMA_GUARD SARMA_CALLED
  sarma_find_root
  sarma_choose_version "$@"
  # The environment of a program is left as it is, unless it has an env.sh.
  if [ "$sarma_kind" = service ] || [ -f "$sarma_directory/env.sh" ]; then
    # What another release set for its children is not meant for this one.
    ! sarma_is_child_of_other || unset $sarma_settings
    sarma_describe_release "$@"
  fi
}

# The directory above the one that this file lies in, links to the file followed.
sarma_find_root() {
  case $sarma_self in
    /* | ./* | ../*) sarma_file=$sarma_self ;;
    *) sarma_file=./$sarma_self ;;
  esac
  while [ -L "$sarma_file" ]; do
    sarma_link=$(readlink "$sarma_file") || sarma_fail "the link $sarma_file cannot be read."
    case $sarma_link in
      /*) sarma_file=$sarma_link ;;
      *) sarma_file=${sarma_file%/*}/$sarma_link ;;
    esac
  done
  sarma_root=$(CDPATH='' cd -P "${sarma_file%/*}/.." && pwd -P) ||
    sarma_fail "the directory above that of $sarma_file cannot be entered."
}

# Later versions of a release lie in versions/ of its first root.
sarma_is_child_of_other() {
  sarma_first=${sarma_root%/versions/*}
  [ -f "$sarma_first/releases/start.json" ] || sarma_first=$sarma_root
  case ${RELEASE_ROOT:-$sarma_root} in
    "$sarma_first" | "$sarma_first"/versions/*) return 1 ;;
  esac
}

# releases/start.json says which version this is; RELEASE_VSN may name another one that is here.
sarma_choose_version() {
  sarma_read_file "$sarma_root/releases/start.json" ||
    sarma_fail "$sarma_root is no release: it has no releases/start.json."
  sarma_json version
  sarma_version=$sarma_value
  [ -n "$sarma_version" ] ||
    sarma_fail "$sarma_root/releases/start.json names no version: it is empty or damaged. Assemble or unpack the release again, or write {\"version\": \"VERSION\"} there."
  sarma_json runtime
  sarma_runtime=$sarma_value
  [ "$sarma_kind" = cli ] || sarma_is_child_of_other || sarma_version=${RELEASE_VSN:-$sarma_version}
  sarma_directory=$sarma_root/releases/$sarma_version
  case $sarma_version in
    '' | .* | */*) sarma_no_version ;;
  esac
  [ -f "$sarma_directory/release.json" ] || sarma_later_version "$@"
}

# One that came by an upgrade is a release of its own, with a bin of its own.
sarma_later_version() {
  sarma_file=$sarma_root/versions/$sarma_version/bin/$sarma_program
  [ -x "$sarma_file" ] || sarma_no_version
  SARMA_CALLED=$sarma_called
  export SARMA_CALLED
  exec "$sarma_file" "$@"
}

sarma_no_version() {
  sarma_versions=
  for sarma_file in "$sarma_root"/releases/*/release.json "$sarma_root"/versions/*/releases/start.json; do
    [ -f "$sarma_file" ] || continue
    sarma_file=${sarma_file%/release.json}
    sarma_file=${sarma_file%/releases/start.json}
    sarma_versions="$sarma_versions ${sarma_file##*/}"
  done
  sarma_fail "version \"$sarma_version\" is not in $sarma_root, which has:${sarma_versions:- none}."
}

# What env.sh, hooks and applications know of the release.
sarma_describe_release() {
  RELEASE_ROOT=$sarma_root
  RELEASE_NAME=$sarma_release
  RELEASE_VSN=$sarma_version
  RELEASE_PROG=$sarma_called
  RELEASE_COMMAND=${1-start}
  [ "$sarma_kind" = service ] || RELEASE_COMMAND=start
  # In an install that an executable made, that is what the user called.
  [ ! -f "$sarma_root/.sarma/marker" ] || RELEASE_PROG=${SARMA_BIN:-$sarma_called}
  export RELEASE_ROOT RELEASE_NAME RELEASE_VSN RELEASE_PROG RELEASE_COMMAND
}

# The runtime: what the executable says, that of the install, the release's own, the host's.
sarma_find_runtime() {
  [ -z "$sarma_node" ] || return 0
  if [ -f "$sarma_root/.sarma/marker" ]; then
    sarma_installed_runtime
  elif [ -n "$sarma_runtime" ]; then
    sarma_own_runtime
  else
    sarma_host_runtime
  fi
}

sarma_own_runtime() {
  sarma_node=$sarma_root/$sarma_runtime
  sarma_read_release
  sarma_json nodeLine
  case $sarma_runtime in
    "runtime-$sarma_value."*) ;;
    *)
      # Another version than that of start.json may have come with a runtime of its own.
      for sarma_file in "$sarma_root/runtime-$sarma_value".*/bin/node; do
        [ ! -x "$sarma_file" ] || sarma_node=$sarma_file
      done
      ;;
  esac
  [ -x "$sarma_node" ] || sarma_fail "its runtime $sarma_node is missing or cannot be executed."
}

# A line of the marker names it, in a folder beside that of the releases.
sarma_installed_runtime() {
  while read -r sarma_key sarma_value; do
    [ "$sarma_key" != runtime ] || sarma_node=$sarma_root/../../runtimes/$sarma_value/bin/node
  done <"$sarma_root/.sarma/marker"
  [ -x "$sarma_node" ] || sarma_fail "the runtime of this install is missing; run the executable that made it."
  [ ! -f "$sarma_directory/guard.cjs" ] || sarma_url "$sarma_directory/guard.cjs"
}

# The URL of a file into sarma_guard, where the executable did not say it: the runtime encodes all but these itself.
sarma_url() {
  sarma_guard=file:// sarma_rest=$1
  while :; do
    sarma_value=${sarma_rest%%[%?#]*}
    sarma_guard=$sarma_guard$sarma_value
    sarma_rest=${sarma_rest#"$sarma_value"}
    case $sarma_rest in
      %*) sarma_guard=$sarma_guard%25 ;;
      \?*) sarma_guard=$sarma_guard%3F ;;
      \#*) sarma_guard=$sarma_guard%23 ;;
      *) break ;;
    esac
    sarma_rest=${sarma_rest#?}
  done
}

sarma_host_runtime() {
  sarma_read_release
  sarma_json nodeLine
  sarma_line=$sarma_value
  sarma_node=$(command -v node) ||
    sarma_fail "it comes without a runtime and needs Node${sarma_line:+ $sarma_line}, but there is no \"node\" on the PATH."
  [ -n "$sarma_line" ] || return 0
  sarma_found=$("$sarma_node" --version) || sarma_fail "$sarma_node cannot say its version."
  case $sarma_found in
    "v$sarma_line."*) ;;
    *) sarma_fail "it needs Node $sarma_line, but $sarma_node is $sarma_found. Put one of that line first on the PATH." ;;
  esac
}

# The file that Node executes.
sarma_find_entry() {
  sarma_entry=$sarma_directory/boot.cjs
  if [ "$sarma_kind" = cli ]; then
    sarma_read_release
    sarma_text=${sarma_text#*'"entries"'}
    sarma_text=${sarma_text%%'}'*}
    sarma_json "$sarma_program"
    sarma_entry=$sarma_root/$sarma_value
  fi
  [ -f "$sarma_entry" ] || sarma_fail "version $sarma_version has no file for it: $sarma_entry."
}

# The file with Node's arguments; empty when there is none.
sarma_find_vm_args() {
  sarma_file=
  sarma_name=vm.args
  if [ "$sarma_kind" = service ]; then
    case ${1-start} in
      start | start_repl | daemon | start_iex | daemon_iex | console | foreground) sarma_file=${RELEASE_VM_ARGS-} ;;
      *) sarma_file=${RELEASE_REMOTE_VM_ARGS-} sarma_name=remote.vm.args ;;
    esac
  fi
  if [ -n "$sarma_file" ]; then
    [ -r "$sarma_file" ] || sarma_fail "the file of Node's arguments cannot be read: $sarma_file."
  elif [ -f "$sarma_directory/$sarma_name" ]; then
    sarma_file=$sarma_directory/$sarma_name
  fi
}

# Arguments become sarma_arg_1, sarma_arg_2, …; sarma_count says how many there are.
sarma_read_vm_args() {
  sarma_count=0
  [ -n "$sarma_file" ] || return 0
  while IFS= read -r sarma_line || [ -n "$sarma_line" ]; do
    sarma_line=${sarma_line#"${sarma_line%%[![:space:]]*}"}
    sarma_line=${sarma_line%"${sarma_line##*[![:space:]]}"}
    case $sarma_line in
      '' | '#'*) continue ;;
      --* | -[[:space:]]*) ;;
      # `-app key value` is an application's key; the boot reads it.
      -*[[:space:]][![:space:]]*[[:space:]]*) continue ;;
    esac
    [ "${REPLACE_OS_VARS-}" != true ] || sarma_replace_variables
    [ -n "$sarma_line" ] || continue
    sarma_count=$((sarma_count + 1))
    eval "sarma_arg_$sarma_count=\$sarma_line"
  done <"$sarma_file"
}

# ${NAME} and ${NAME:-default} in sarma_line; what they stand for is not looked through again.
sarma_replace_variables() {
  sarma_rest=$sarma_line
  sarma_line=
  while :; do
    case $sarma_rest in
      *'${'*'}'*) ;;
      *) break ;;
    esac
    sarma_line=$sarma_line${sarma_rest%%'${'*}
    sarma_rest=${sarma_rest#*'${'}
    sarma_whole=${sarma_rest%%'}'*}
    sarma_rest=${sarma_rest#*'}'}
    sarma_key=${sarma_whole%%:-*}
    case $sarma_key in
      '' | [0123456789]* | *[!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_]*)
        sarma_value="\${$sarma_whole}"
        ;;
      *)
        eval "sarma_value=\${$sarma_key-}"
        case $sarma_whole in
          *:-*) sarma_value=${sarma_value:-${sarma_whole#*:-}} ;;
        esac
        ;;
    esac
    sarma_line=$sarma_line$sarma_value
  done
  sarma_line=$sarma_line$sarma_rest
}

sarma_read_release() {
  sarma_read_file "$sarma_directory/release.json" || sarma_fail "$sarma_directory/release.json cannot be read."
}

# A file into sarma_text; of a longer one only as much as is asked for here, since `read` takes a byte at a time.
sarma_read_file() {
  sarma_text=
  [ -r "$1" ] || return 1
  while IFS= read -r sarma_line || [ -n "$sarma_line" ]; do
    sarma_text=$sarma_text$sarma_line
    case $sarma_text in
      *'"entries"'*'}'*) break ;;
    esac
  done <"$1"
}

# The string or number behind a key in sarma_text, however it is laid out; empty for null and where there is none.
sarma_json() {
  sarma_value=
  case $sarma_text in
    *"\"$1\""*) ;;
    *) return 0 ;;
  esac
  sarma_value=${sarma_text#*"\"$1\""}
  sarma_value=${sarma_value#*:}
  sarma_value=${sarma_value#"${sarma_value%%[![:space:]]*}"}
  case $sarma_value in
    '"'*) sarma_value=${sarma_value#'"'} sarma_value=${sarma_value%%'"'*} ;;
    *) sarma_value=${sarma_value%%[!0123456789]*} ;;
  esac
}

# Which line it was is known to few shells, and to some of them wrongly.
sarma_env_failed() {
  sarma_file=$sarma_directory/env.sh
  printf '%s: %s ended with status %s. It runs with "set -e", so any command that fails ends it; to see which, run: sh -ex "%s"\n' \
    "$sarma_program" "$sarma_file" "$1" "$sarma_file"
}

sarma_fail() {
  printf '%s: %s\n' "$sarma_program" "$1" >&2
  exit 1
}

sarma_self=$0
sarma_prepare "$@"

if [ -f "$sarma_directory/env.sh" ]; then
  # A command that fails in there ends this, rather than to start with half an environment.
  trap 'sarma_env_failed "$?" >&2' EXIT
  set -e
  . "$sarma_directory/env.sh"
  set +e
  trap - EXIT
  [ "$sarma_kind" = cli ] || export $sarma_settings
fi

sarma_find_runtime
sarma_find_entry
sarma_find_vm_args "$@"
sarma_read_vm_args
set -- "$sarma_entry" "$@"
# In an install: executes the entry, which then starts from the compile cache, or has a look taken after a run that ended badly.
[ ! -f "$sarma_directory/start.cjs" ] || set -- "$sarma_directory/start.cjs" "$@"
while [ "$sarma_count" -gt 0 ]; do
  eval "set -- \"\$sarma_arg_$sarma_count\" \"\$@\""
  sarma_count=$((sarma_count - 1))
done
# Keeps the modules of an install to those that came with it; it has to be there before anything is loaded.
# Not by -r, which Node looks for as if the working directory asked for it.
[ -z "$sarma_guard" ] || set -- --import "$sarma_guard" "$@"
exec "$sarma_node" "$@"
