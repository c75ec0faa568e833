/** A package URL (https://github.com/package-url/purl-spec) of an npm package, or of something that has no registry. */
export function packageUrl(type: 'npm' | 'generic', name: string, version: string): string {
  return `pkg:${type}/${name.split('/').map(encoded).join('/')}@${encoded(version)}`;
}

/** All but letters, digits and `.-_~:`. */
function encoded(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}
