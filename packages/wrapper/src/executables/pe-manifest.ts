import sax from 'sax';

export class ApplicationManifestError extends Error {
  override readonly name = 'ApplicationManifestError';
  readonly code = 'NOT_A_MANIFEST';
}

/**
 * What Windows is told of an executable ("Application manifests", Microsoft): no rights beyond those of whoever starts
 * it, paths of more than 260 characters, UTF-8 as its code page, sharp on every screen. Node runs from Windows 10 on, so
 * that is the one system it claims.
 */
export const DEFAULT_MANIFEST = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">true/pm</dpiAware>
      <dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">PerMonitorV2</dpiAwareness>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
      <activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>
    </windowsSettings>
  </application>
</assembly>
`;

const ROOT = { local: 'assembly', uri: 'urn:schemas-microsoft-com:asm.v1' };

/**
 * Throws ApplicationManifestError unless the text is one element `assembly` in well-formed XML: Windows starts no
 * program whose manifest it cannot read. `file` is what the message calls it.
 */
export function checkManifest(content: Buffer, file: string): void {
  const fail = (what: string) => {
    const advice = `It has to be an application manifest in UTF-8: <assembly xmlns="${ROOT.uri}" manifestVersion="1.0">…</assembly>`;
    return new ApplicationManifestError(`${file} is no application manifest: ${what}. ${advice}`);
  };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw fail('its text is not UTF-8');
  }
  const xml = sax.parser(true, { xmlns: true });
  let root: { readonly local: string; readonly uri: string } | undefined;
  let depth = 0;
  xml.onopentag = (tag) => {
    if (depth++ > 0) return;
    if (root !== undefined) throw fail(`a second outermost element begins in line ${xml.line + 1}`);
    if ('local' in tag) root = tag;
  };
  xml.onclosetag = () => {
    depth--;
  };
  xml.onerror = (error) => {
    throw fail(`${error.message.replace(/\n.*/s, '').replace(/\.$/, '')} in line ${xml.line + 1}`);
  };
  xml.write(text).close();
  if (root === undefined) throw fail('it holds no XML element');
  if (root.local !== ROOT.local || root.uri !== ROOT.uri)
    throw fail(`its outermost element is ${root.local}`);
}
