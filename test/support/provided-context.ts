/** What global-setup.ts hands to every test file. */
declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of this run's temporary files, removed at its end. */
    runFolder: string;
    /** A dump of a migrated, empty data folder of the embedded database. */
    preparedFolderPath: string;
    /** That data folder itself, closed: to be copied. */
    preparedDatabasePath: string;
    /** The Postgres that the suite runs on, with its template; null: on embedded databases. */
    testServer: TestServer | null;
  }
}

export interface TestServer {
  /** Url of a database whose login may create databases. */
  url: string;
  /** A migrated, empty database. Every database of the run has a name that begins with this one. */
  template: string;
}
