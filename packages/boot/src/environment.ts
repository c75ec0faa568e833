/** What `RELEASE_*` say, or their defaults: read once, at the edge. Paths are absolute. */
export interface ReleaseEnvironment {
  readonly root: string;
  readonly name: string;
  readonly version: string;
  /** What the user called: `bin/kv`, `./kv_linux-x64`. */
  readonly prog: string;
  readonly command: string;
  /** The node's name: two nodes with different names run side by side from one install. */
  readonly node: string;
  readonly distribution: 'none' | 'sname' | 'name';
  readonly mode: 'embedded' | 'interactive';
  /** Where logs, cookie, pid files and `.conf` lie. */
  readonly mutableDirectory: string;
  /** Where `.conf` and other files of the host's own configuration are looked for. */
  readonly configDirectory: string;
  readonly tmp: string;
  /** Nothing is written to `mutableDirectory`. */
  readonly readOnly: boolean;
  /** Set by the user; the file in `mutableDirectory` is used otherwise. */
  readonly cookie: string | undefined;
  readonly sysConfig: string;
  readonly bootFile: string;
  /** The wrapped executable; undefined in a directory. */
  readonly executable: string | undefined;
}
