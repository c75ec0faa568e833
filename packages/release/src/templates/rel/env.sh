# Sourced by /bin/sh before every command, with RELEASE_ROOT, RELEASE_NAME, RELEASE_VSN, RELEASE_PROG and
# RELEASE_COMMAND set. This is a template (eta): <%= release_name %> <%= release_version %>
# While there are only comments here, the file is left out of the release, and no shell is needed to start it.
# It runs with "set -e": a command that fails in here ends the start.

# Another name lets two nodes run side by side
#export RELEASE_NODE="${RELEASE_NODE:-$RELEASE_NAME}"

# none: no control socket; sname: for this machine; name: for other machines too
#export RELEASE_DISTRIBUTION=sname

# Logs, cookie and pid files
#export RELEASE_MUTABLE_DIR="/var/lib/$RELEASE_NAME"

# Only for the command that starts the node
#case $RELEASE_COMMAND in
#  start*|daemon*) ulimit -n 65536 ;;
#esac
