import { closest, distance } from 'fastest-levenshtein';
import { IcuDataError, unknownData } from './errors.ts';

/** Older and newer names of one language, and languages whose data is kept in one of them. */
const FAMILIES: readonly (readonly string[])[] = [
  ['no', 'nb', 'nn'],
  ['he', 'iw'],
  ['id', 'in'],
  ['yi', 'ji'],
  ['jv', 'jw'],
  ['ro', 'mo'],
  ['sr', 'sh'],
  ['fil', 'tl'],
];

/** What a language takes from another one, by aliases in a tree or two. `hi_Latn` begins from English, which always stays. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { yue: ['zh'], ars: ['ar'] };

/** Items that are named by a script or rule instead of a locale, and the languages that need them. */
const BREAKS: readonly (readonly [RegExp, readonly string[]])[] = [
  // Words of Chinese are found by what the Japanese bundle says, too.
  [/^brkitr\/(cjdict\.dict|ja\.res)$/, ['ja', 'zh']],
  [/^brkitr\/.*_cj\.brk$/, ['ja', 'ko', 'zh']],
  [/^brkitr\/burmesedict\.dict$/, ['my']],
  [/^brkitr\/khmerdict\.dict$/, ['km']],
  [/^brkitr\/laodict\.dict$/, ['lo']],
  [/^brkitr\/thaidict\.dict$/, ['th']],
  [/^brkitr\/sent_el\.brk$/, ['el']],
  [/^brkitr\/word_POSIX\.brk$/, ['en']],
];

const LOCALE_ITEM = /^(?:[a-z]+\/)?([a-z]{2,3})(?:_\w*)?\.res$/;
/** Looks like the name of a locale and is none. */
const INDEX_ITEM = /^(?:[a-z]+\/)?res_index\.res$/;

/** Whether an item lists the locales of its tree. */
export function isIndex(name: string): boolean {
  return INDEX_ITEM.test(name);
}

/** `en` of `en`, `en_GB` and `en-GB`. */
export function languageOf(locale: string): string {
  return locale.split(/[-_]/)[0]!.toLowerCase();
}

/**
 * Languages as they are written down, each once and sorted: a region or script keeps the whole of its language. English is
 * always among them: V8 takes it where a program's own language is not known, and lists currencies by it.
 */
export function languagesOf(locales: readonly string[]): readonly string[] {
  return [...new Set(['en', ...locales.map(languageOf)])].sort();
}

/** Whether an item stays when these languages do. What belongs to no language always does. */
export function keepsItem(name: string, kept: ReadonlySet<string>): boolean {
  const needing = BREAKS.find(([pattern]) => pattern.test(name))?.[1];
  if (needing !== undefined) return needing.some((language) => kept.has(language));
  const [, language] = isIndex(name) ? [] : (LOCALE_ITEM.exec(name) ?? []);
  return language === undefined || kept.has(language);
}

/** The languages to keep, with those that they need. Throws IcuDataError for one that `names`, the items, do not have. */
export function languagesToKeep(languages: readonly string[], names: readonly string[]): ReadonlySet<string> {
  const available = new Set(
    names
      .filter((name) => !name.includes('/') && !isIndex(name))
      .flatMap((name) => LOCALE_ITEM.exec(name)?.[1] ?? []),
  );
  if (available.size === 0) throw unknownData('has no languages');
  const unknown = languages.find((language) => !available.has(language));
  if (unknown !== undefined) throw unknownLanguage(unknown, [...available]);
  const kept = new Set<string>();
  const add = (language: string) => {
    if (kept.has(language)) return;
    kept.add(language);
    for (const other of FAMILIES.find((family) => family.includes(language)) ?? []) add(other);
    for (const other of NEEDS[language] ?? []) add(other);
  };
  for (const language of languages) add(language);
  return kept;
}

function unknownLanguage(unknown: string, available: readonly string[]): IcuDataError {
  const nearest = distance(unknown, closest(unknown, available));
  const near = available.filter((language) => distance(unknown, language) === nearest).sort();
  return new IcuDataError(
    'UNKNOWN_LOCALE',
    `wrap.locales has "${unknown}", and the runtime has no data for such a language. ` +
      `Near it: ${near.slice(0, 8).join(', ')}. Languages are written as in "en", "pt-BR" or "zh-Hant".`,
  );
}
