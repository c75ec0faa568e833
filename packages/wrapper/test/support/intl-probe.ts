/**
 * A script for any Node: writes as JSON what it says of the locales that are its arguments, or, without any, of everything
 * that belongs to no language.
 */
export const intlProbe = `(${probe})(process.argv.slice(1))`;

function probe(locales: readonly string[]): void {
  const said: Record<string, string> = {};
  const say = (what: string, of: () => unknown) => {
    try {
      said[what] = String(of());
    } catch (error) {
      said[what] = `throws ${(error as Error).message}`;
    }
  };
  const date = new Date(Date.UTC(2024, 2, 5, 14, 7, 9));
  const styles = ['full', 'long', 'medium', 'short'] as const;
  const zones = ['long', 'short', 'longGeneric', 'shortGeneric', 'longOffset'] as const;
  const numbers: Record<string, Intl.NumberFormatOptions> = {
    plain: {},
    euros: { style: 'currency', currency: 'EUR', currencyDisplay: 'name' },
    yen: { style: 'currency', currency: 'JPY' },
    percent: { style: 'percent' },
    speed: { style: 'unit', unit: 'kilometer-per-hour', unitDisplay: 'long' },
    compact: { notation: 'compact', compactDisplay: 'long' },
    scientific: { notation: 'scientific' },
  };
  const names: Record<string, string> = {
    language: 'pt-BR',
    region: 'UN',
    script: 'Arab',
    currency: 'USD',
    calendar: 'roc',
    dateTimeField: 'weekOfYear',
  };
  interface Resolving {
    new (locale: string): { resolvedOptions(): { locale: string } };
    supportedLocalesOf(locale: string): readonly string[];
  }
  const texts = ['Hello, world. How are you?', 'Größe der Straße. Und nun?'];
  const chinese = '我们在北京大学学习。';
  for (const locale of locales) {
    const sayOf = (what: string, of: () => unknown) => say(`${locale} ${what}`, of);
    const constructors: readonly Resolving[] = [
      Intl.DateTimeFormat,
      Intl.NumberFormat,
      Intl.Collator,
      Intl.RelativeTimeFormat,
      Intl.ListFormat,
      Intl.Segmenter,
    ];
    sayOf('resolved', () => constructors.map((of) => new of(locale).resolvedOptions().locale));
    sayOf('supported', () => constructors.map((of) => of.supportedLocalesOf(locale).length));
    for (const style of styles) {
      const options = { dateStyle: style, timeStyle: style, timeZone: 'America/New_York' };
      sayOf(`date ${style}`, () => new Intl.DateTimeFormat(locale, options).format(date));
    }
    for (const timeZoneName of zones) {
      const options = { timeZoneName, timeZone: 'Europe/Berlin' };
      sayOf(`zone ${timeZoneName}`, () => new Intl.DateTimeFormat(locale, options).format(date));
    }
    for (const calendar of ['buddhist', 'chinese', 'hebrew', 'japanese', 'persian']) {
      const options = { calendar, dateStyle: 'full', timeZone: 'UTC' } as const;
      sayOf(`calendar ${calendar}`, () => new Intl.DateTimeFormat(locale, options).format(date));
    }
    for (const [name, options] of Object.entries(numbers)) {
      sayOf(`number ${name}`, () => new Intl.NumberFormat(locale, options).format(-1234567.891));
    }
    for (const extension of ['', '-u-co-phonebk', '-u-co-stroke', '-u-kn']) {
      const words = ['z', 'a', 'ä', 'Z', 'ö', 'å', '10', '9', '中', '一', '文'];
      const { compare } = new Intl.Collator(locale + extension);
      sayOf(`collator${extension}`, () => words.sort(compare));
    }
    for (const [type, code] of Object.entries(names)) {
      const options = { type } as Intl.DisplayNamesOptions;
      sayOf(`name of ${type}`, () => new Intl.DisplayNames(locale, options).of(code));
    }
    for (const granularity of ['grapheme', 'word', 'sentence'] as const) {
      const segmenter = new Intl.Segmenter(locale, { granularity });
      const own = locale.startsWith('zh') ? [...texts, chinese] : texts;
      sayOf(granularity, () =>
        own.map((text) => [...segmenter.segment(text)].map(({ segment }) => segment).join('|')),
      );
    }
    const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
    sayOf('relative', () => [-1, 2, 5].map((count) => relative.format(count, 'day')));
    sayOf('list', () => new Intl.ListFormat(locale).format(['a', 'b', 'c']));
    sayOf('plural', () => [0, 1, 2, 5, 21].map((count) => new Intl.PluralRules(locale).select(count)));
    sayOf('toLocaleString', () => [
      date.toLocaleString(locale, { timeZone: 'UTC' }),
      (1234.5).toLocaleString(locale),
    ]);
    sayOf('case', () => ['iß'.toLocaleUpperCase(locale), 'İI'.toLocaleLowerCase(locale)]);
    sayOf('localeCompare', () => 'ä'.localeCompare('z', locale));
    sayOf('likely', () => new Intl.Locale(locale).maximize());
  }
  if (locales.length === 0) {
    const bytes = Uint8Array.from({ length: 768 }, (_, index) => (index * 7 + (index >> 8)) % 256);
    const encodings =
      'utf-8 ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-10 ' +
      'iso-8859-13 iso-8859-14 iso-8859-15 koi8-r koi8-u macintosh windows-874 windows-1250 windows-1251 windows-1252 ' +
      'windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 x-mac-cyrillic gbk gb18030 big5 ' +
      'euc-jp iso-2022-jp shift_jis euc-kr utf-16be utf-16le';
    for (const encoding of encodings.split(' ')) {
      say(`decode ${encoding}`, () => new TextDecoder(encoding).decode(bytes));
    }
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) {
      say(`normalize ${form}`, () => 'ﬁ Å ﷺ ½ 가 ｶﾞ'.normalize(form));
    }
    say('properties', () => 'aÄ日я'.match(/\p{Script=Han}|\p{Lu}/gu));
    say('host', () => new URL('http://bücher.例え').href);
    say('versions', () => [
      process.versions.icu,
      process.versions.unicode,
      process.versions.cldr,
      process.versions.tz,
    ]);
    say('collations', () => Intl.supportedValuesOf('collation'));
    say('currencies', () => Intl.supportedValuesOf('currency'));
    say('timeZones', () => Intl.supportedValuesOf('timeZone'));
    say('calendars', () => Intl.supportedValuesOf('calendar'));
    say('numberingSystems', () => Intl.supportedValuesOf('numberingSystem'));
  }
  // Synchronously: Wine's pipes lose what console.log has not written yet.
  require('node:fs').writeFileSync(1, JSON.stringify(said));
}
