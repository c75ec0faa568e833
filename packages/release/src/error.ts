/** What can go wrong between a project and its assembled release. */
export type ReleaseErrorCode =
  | 'NO_PROJECT'
  | 'NO_PACKAGE_JSON'
  | 'INVALID_PACKAGE_JSON'
  | 'INVALID_NAME'
  | 'INVALID_VERSION'
  | 'UNKNOWN_BIN'
  | 'SEVERAL_BINS'
  | 'NO_ENTRY'
  | 'ENTRY_NOT_FOUND'
  | 'ENTRY_NOT_CODE'
  | 'ENTRY_OUTSIDE'
  | 'WORKSPACE_ROOT'
  | 'UNKNOWN_WORKSPACE'
  | 'PLUG_AND_PLAY'
  | 'DEPENDENCY_MISSING'
  | 'INSTALL_SCRIPT_BLOCKED'
  | 'TRANSPILE_FAILED'
  | 'BUNDLE_FAILED'
  | 'CONFIG_INVALID'
  | 'CONFIG_FAILED'
  | 'CONFIG_PATH'
  | 'UNKNOWN_RELEASE'
  | 'SEVERAL_RELEASES'
  | 'UNKNOWN_ENVIRONMENT'
  | 'VERSION_UNKNOWN'
  | 'STEPS_INVALID'
  | 'STEP_FAILED'
  | 'RUNTIME_NOT_INCLUDED'
  | 'UPDATE'
  | 'NOT_A_RELEASE'
  | 'NOT_WRITABLE'
  | 'NOT_READABLE'
  | 'STATE_TWICE'
  | 'TEMPLATE_FAILED'
  | 'INVALID_VM_ARGS'
  | 'UNKNOWN_HOOK'
  | 'OVERLAY_FAILED'
  | 'TAR_FAILED'
  | 'VERSION_NOT_FOUND'
  | 'APPUP_INVALID'
  | 'APPUP_MISSING'
  | 'APPUP_NOTHING'
  | 'NODE_RUNS'
  | 'UNKNOWN_APPLICATION'
  | 'APPLICATION_MODULE'
  | 'APPLICATION_MODE'
  | 'APPLICATION_CYCLE'
  | 'BOOT_MODULE'
  | 'BUILD_CONFIGURATION'
  | 'CONFIG_PROVIDER'
  | 'IMPORT_FAILED'
  | 'CHECK_FAILED';

/** A failure the user can do something about: the message says what, where and what to do. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
  readonly code: ReleaseErrorCode;

  constructor(code: ReleaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What code of the user's gives. What it throws is said with whose it was; a ReleaseError says that itself. */
export async function attempt<Result>(
  code: ReleaseErrorCode,
  what: string,
  run: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError(code, `${what} failed: ${reasonOf(cause)}`, { cause });
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
