/** What `config/` says, as the application gets it. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly server: boolean;
  /** Path of the SQLite file. */
  readonly database: string;
  readonly secretKeyBase: string;
}
