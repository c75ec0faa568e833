import { readDataPackage, writeDataPackage } from './data-package.ts';
import { isIndex, keepsItem, languageOf, languagesToKeep } from './languages.ts';
import { filterIndex } from './resource-bundle.ts';

/**
 * A copy of a Node executable whose ICU data is that of these languages only (as `languagesOf` gives them). The package stays
 * where it is and ends earlier; zeros fill its place, so that nothing else in the file moves. Throws IcuDataError.
 */
export function keepLanguages(file: Buffer, languages: readonly string[]): Buffer {
  const data = readDataPackage(file);
  const kept = languagesToKeep(
    languages,
    data.items.map(({ name }) => name),
  );
  const items = data.items
    .filter(({ name }) => keepsItem(name, kept))
    .map(({ name, content }) => {
      if (!isIndex(name)) return { name, content };
      const keep = (locale: string) => kept.has(languageOf(locale));
      return { name, content: filterIndex(content, data.numbers, keep) };
    });
  const result = Buffer.from(file);
  writeDataPackage(data, items).copy(result, data.offset);
  return result;
}
