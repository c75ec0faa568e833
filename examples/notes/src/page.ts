import type { Note } from './notes.ts';

/** The one page: a form, and the notes below it. */
export function page(notes: readonly Note[], token: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Notes</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
  form { display: flex; gap: .5rem; }
  input[name=text] { flex: 1; font: inherit; }
  li small { color: #666; }
</style>
<h1>Notes</h1>
<form method="post" action="/">
  <input type="hidden" name="_csrf" value="${escapeHtml(token)}">
  <input name="text" required autofocus aria-label="Note">
  <button>Add</button>
</form>
<ul>
${notes.map((note) => `  <li>${escapeHtml(note.text)} <small>${escapeHtml(note.written_at)}</small></li>`).join('\n')}
</ul>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
