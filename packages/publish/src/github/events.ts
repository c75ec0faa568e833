/** What a person is told while a version goes to GitHub. */
export type GitHubEvent =
  /** Bytes of a file that were sent so far. */
  | { readonly type: 'upload'; readonly file: string; readonly sent: number; readonly size: number }
  | { readonly type: 'uploaded'; readonly file: string }
  /** It was there from an earlier run. */
  | { readonly type: 'kept'; readonly file: string }
  | { readonly type: 'notice'; readonly level: 'info' | 'warning'; readonly message: string }
  /** It is done; people see it at `url`. */
  | { readonly type: 'github'; readonly url: string; readonly state: GitHubState };

/** `unchanged`: it was published before, with these files. */
export type GitHubState = 'draft' | 'published' | 'unchanged';

export type OnGitHubEvent = (event: GitHubEvent) => void;
