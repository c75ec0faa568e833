@echo off
rem What env.sh is on other systems: called before every command, with RELEASE_ROOT, RELEASE_NAME, RELEASE_VSN,
rem RELEASE_PROG and RELEASE_COMMAND set. It is read when Node runs already, too late for NODE_OPTIONS.
rem While there are only comments here, the file is left out of the release.

rem set RELEASE_NODE=%RELEASE_NAME%
rem set RELEASE_DISTRIBUTION=sname
rem set RELEASE_MUTABLE_DIR=C:\ProgramData\%RELEASE_NAME%
