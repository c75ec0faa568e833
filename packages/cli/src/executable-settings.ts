import type { Release } from '@sarma/release';
import type { About, ExecutableSettings } from '@sarma/wrapper';

/** What a release says of its executables. */
export function executableSettings({
  manifest,
  options: { runtime, wrap: settings },
}: Release): ExecutableSettings {
  const { locales, addons, macos, windows } = settings;
  return { strip: runtime.strip, locales, addons, macos, windows, about: about(manifest) };
}

/** npm's `author` is a line (`Ann <ann@example.org> (https://…)`) or an object. */
export function about({ description, author, license, homepage }: Release['manifest']): About {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const name = text(author) ?? text((author as { name?: unknown } | null | undefined)?.name);
  return {
    description: text(description),
    author: text(name?.replace(/\s*[<(].*$/, '')),
    license: text(license),
    homepage: text(homepage),
  };
}

/** The arguments of `--verify`. Where the option says only that, it is the release that says with which. */
export function startArguments(
  option: boolean | readonly string[] | undefined,
  setting: Release['options']['wrap']['verify'],
): boolean | readonly string[] {
  if (option === undefined || (option === true && Array.isArray(setting))) return setting ?? false;
  return option;
}
