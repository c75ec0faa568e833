import { execFileSync } from 'node:child_process';
import path from 'node:path';

export interface SigningFiles {
  readonly key: string;
  readonly certificate: string;
}

/** A key and a certificate of its own for code, in PEM: `key.pem` and `certificate.pem` of a directory. Needs openssl. */
export function selfSigned(directory: string, name: string): SigningFiles {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((file) => path.join(directory, file)) as [
    string,
    string,
  ];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
  const usage = ['-addext', 'extendedKeyUsage=codeSigning'];
  execFileSync('openssl', [...request, ...usage, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  return { key, certificate };
}
