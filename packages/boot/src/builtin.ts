/** What is said of a command that every service has. Its code: builtin-code.ts. */
export interface BuiltinCommand {
  readonly name: string;
  /** What follows the name, as usage shows it. */
  readonly syntax: string;
  readonly description: string;
  /** Further lines of its own help. */
  readonly details?: readonly string[];
  /** For the machinery: left out of usage. */
  readonly hidden?: true;
}

/** In the order in which usage lists them. */
export const builtins: readonly BuiltinCommand[] = [
  {
    name: 'start',
    syntax: '[ARGUMENTS]',
    description: 'Start the node in the foreground; arguments are for the applications',
  },
  {
    name: 'start_repl',
    syntax: '[ARGUMENTS]',
    description: 'Start the node with a REPL in it; leaving the REPL stops the node',
  },
  {
    name: 'daemon',
    syntax: '[--heart] [ARGUMENTS]',
    description: 'Start the node in the background; return when every application runs',
    details: [
      'What it prints goes to log/<node>.log in the state directory, which is its working directory too.',
      'With --heart as the first argument it is started again when it crashes.',
      '',
      'RELEASE_LOG_FILE is set in the node. What may be set for the command:',
      'RELEASE_LOG_SIZE        bytes of one log file (10M)',
      'RELEASE_LOG_FILES       log files that are kept, the current one included (5)',
      'RELEASE_DAEMON_TIMEOUT  seconds to wait until everything runs (60)',
      'RELEASE_HEART_RESTARTS  crashes after which --heart gives up (5) ...',
      'RELEASE_HEART_PERIOD    ... within so many seconds (60)',
    ],
  },
  {
    name: 'stop',
    syntax: '[--force]',
    description: 'Stop the node; return when its process is gone',
    details: [
      'With --force it is ended at once (SIGKILL), also when it does not answer; its applications are told nothing.',
    ],
  },
  {
    name: 'restart',
    syntax: '[--now]',
    description: 'Stop the node and start it anew in the same process; return when every application runs',
    details: [
      'Right after an upgrade it waits until the version before has ended what it has begun; --now ends that at once.',
    ],
  },
  {
    name: 'pid',
    syntax: '',
    description: 'Print the PID of the node',
  },
  {
    name: 'ping',
    syntax: '',
    description: 'Say whether every application runs: pong and exit code 0, or pang and 1',
  },
  {
    name: 'rpc',
    syntax: 'EXPRESSION [-- ARGUMENTS]',
    description: 'Evaluate in the running node and print the value',
    details: [
      'rpc [--json] EXPRESSION [-- ARGUMENTS]        await works at its top; the arguments are argv in it',
      'rpc [--json] --file FILE [ARGUMENTS]          the code of a file of yours; - is stdin',
      'rpc [--json] --call MODULE#FUNCTION [ARGUMENTS]  a function of a module, the arguments as strings',
      '',
      'import() and require() resolve from the main application. stateOf(APPLICATION) is what its start returned.',
      'console in it prints here; what it calls prints where the node prints. process.exit() ends the node.',
      '',
      '--json         the value as JSON',
      '--argv JSON    the arguments, as an array of any values',
    ],
  },
  {
    name: 'eval',
    syntax: 'EXPRESSION [-- ARGUMENTS]',
    description: 'Evaluate in a process of its own: configuration loaded, nothing started',
    details: ['Takes what rpc takes. The arguments are process.argv.slice(2) too.'],
  },
  {
    name: 'remote',
    syntax: '',
    description: 'Open a REPL in the running node; leaving it leaves the node running',
  },
  {
    name: 'attach',
    syntax: '',
    description: "The end of a daemon's log, then remote",
  },
  {
    name: 'reload_config',
    syntax: '',
    description: 'Run the configuration providers again in the running node',
  },
  {
    name: 'reload',
    syntax: '[--restart-changed] [--no-permanent] [--dry-run] [PATH|VERSION]',
    description: 'Load the code of another version into the running node; connections and state stay',
    details: [
      'Applications that have changed, or import what has, get their state for the new code by codeChange.',
      'Where that is not possible nothing is done, and a sentence says why: upgrade can do it then.',
      '',
      '--restart-changed  changed applications without codeChange are stopped and started',
      '--no-permanent     a start after a crash starts the version before',
      '--dry-run          only say what would be done',
      '--json             what was done, or would be, as JSON',
      '',
      'What may be set for the node:',
      'RELEASE_RELOADS          versions that a process may load behind its first (10)',
      'RELEASE_UPGRADE_TIMEOUT  seconds that imports and each codeChange may take (60)',
    ],
  },
  {
    name: 'describe',
    syntax: '[--json]',
    description: 'What this release is, where it keeps things, whether it runs',
  },
  {
    name: 'config',
    syntax: 'effective|example [--app NAME] [--sources] [--json]',
    description: 'The configuration that the node would start with, secrets masked',
    details: [
      '--sources  where each value comes from',
      'example prints the .conf that came with the release, to be put into the configuration directory.',
    ],
  },
  {
    name: 'doctor',
    syntax: '[--json]',
    description: 'Look for what keeps the node from running well',
  },
  {
    name: 'versions',
    syntax: '[--json]',
    description: 'The versions that are there: which one runs, and which one a start starts',
  },
  {
    name: 'unpack',
    syntax: 'PATH',
    description: 'Verify another version and put it beside those that are there; start nothing',
    details: ['PATH is a .tar.gz, an assembled directory, or an executable. `upgrade` does this by itself.'],
  },
  {
    name: 'remove',
    syntax: 'VERSION...|--old',
    description: 'Remove versions that neither run nor are permanent',
    details: ['--old removes all of them but the one that `downgrade` goes back to.'],
  },
  {
    name: 'service',
    syntax:
      'install|uninstall|status [--user|--system] [--name NAME] [--run-as USER] [--dry-run] [--account ACCOUNT]',
    description: 'Let the system start the node (systemd, launchd, Windows)',
    details: [
      'Root installs for the system, others for themselves, unless --user or --system is given.',
      '--name is what the service is called (the name of the node), --run-as the user of a system service.',
      '--dry-run prints what would be written. Nothing is started.',
      'On Windows it is always of the system; --account is what it runs as (LocalSystem), and only --name is known besides.',
    ],
  },
  {
    name: 'upgrade',
    syntax: '[PATH|VERSION] [--no-permanent] [--beside] [--now]',
    description: 'Start another version beside the node and hand over to it; return when that is done',
    details: [
      'PATH is a .tar.gz, a directory or an executable of the other version; a VERSION is one that is there.',
      'Without either it is the release whose command this is, as in: ./kv-0.2.0 upgrade',
      'Listening sockets are handed over, nobody is refused, and the old one ends what it has begun.',
      'Where the other version fails, the old one runs on. So it does after Ctrl-C before the other has taken over.',
      'Right after another upgrade it waits until the version before has ended what it has begun;',
      'with --now that one stops its applications at once.',
      'With --no-permanent the next start gives the old version again.',
      'Where relup.json of the release says that the running process can take the new code, that is done,',
      'as by `reload`; with --beside it is not.',
      '',
      'RELEASE_UPGRADE_TIMEOUT  seconds that the other version has until it runs (60)',
    ],
  },
  {
    name: 'downgrade',
    syntax: '[PATH|VERSION] [--no-permanent] [--beside] [--now]',
    description: 'upgrade to the version before, or to the one that is named',
  },
  {
    name: 'version',
    syntax: '',
    description: "Print the release's name and version",
  },
  {
    name: 'help',
    syntax: '[COMMAND]',
    description: 'Print this, or more about one command',
  },
  {
    name: 'heart',
    syntax: '[ARGUMENTS]',
    description: 'Start the node and start it again when it crashes; what daemon --heart runs',
    hidden: true,
  },
  {
    name: 'hook',
    syntax: 'NAME',
    description: 'Run the hooks of an upgrade',
    hidden: true,
  },
  {
    name: 'log',
    syntax: '',
    description: "Write what comes in to the node's log",
    hidden: true,
  },
];

export function findBuiltin(name: string): BuiltinCommand | undefined {
  return builtins.find((command) => command.name === name);
}
