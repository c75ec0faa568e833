/** `withVariables` where `REPLACE_OS_VARS=true`. */
export function replaceVariables(text: string, env: NodeJS.ProcessEnv): string {
  return replacesVariables(env) ? withVariables(text, env) : text;
}

/**
 * Replaces `${VAR}` and `${VAR:-default}`. A variable that is not set is empty; the default stands for an empty one too,
 * as in a shell. What comes in is not looked at again.
 */
export function withVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined) => env[name] || (fallback ?? ''),
  );
}

export function replacesVariables(env: NodeJS.ProcessEnv): boolean {
  return env.REPLACE_OS_VARS === 'true';
}
