/** What `config/` says, as the application gets it. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly server: boolean;
  /** Whether a start migrates the database; null: in a release it does. */
  readonly migrate: boolean | null;
  /** Path of the SQLite file. */
  readonly database: string;
  readonly secretKeyBase: string;
}
