import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAYS = '3650';

/** A key and its certificate, as files. */
export interface Certificate {
  readonly key: string;
  readonly certificate: string;
}

/** Who a certificate is for: the API server takes CN as the user and O as the group. */
export interface Subject {
  readonly name: string;
  readonly commonName: string;
  readonly organization?: string;
  /** `IP:10.0.0.1`, `DNS:name`; for servers. */
  readonly addresses?: readonly string[];
}

/** A certificate authority of a cluster's own, by openssl(1). */
export class Authority {
  readonly #directory: string;
  readonly own: Certificate;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.own = this.#files('ca');
    const { key, certificate } = this.own;
    const subject = ['-subj', '/CN=syscribe test cluster', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    openssl('req', '-x509', ...newKey(key), '-out', certificate, '-days', DAYS, ...subject);
  }

  issue({ name, commonName, organization, addresses = [] }: Subject): Certificate {
    const { key, certificate } = this.#files(name);
    const request = join(this.#directory, `${name}.csr`);
    const extensions = join(this.#directory, `${name}.ext`);
    const alternative = addresses.length > 0 ? `subjectAltName=${addresses.join(',')}\n` : '';
    writeFileSync(extensions, `extendedKeyUsage=serverAuth,clientAuth\n${alternative}`);
    const group = organization === undefined ? '' : `/O=${organization}`;
    openssl('req', '-new', ...newKey(key), '-out', request, '-subj', `${group}/CN=${commonName}`);
    const by = ['-CA', this.own.certificate, '-CAkey', this.own.key, '-CAcreateserial'];
    openssl('x509', '-req', '-in', request, ...by, '-out', certificate, '-days', DAYS, '-extfile', extensions);
    return { key, certificate };
  }

  /** A pair of keys without a certificate: what service account tokens are signed with. */
  keyPair(name: string): { readonly key: string; readonly publicKey: string } {
    const key = join(this.#directory, `${name}.key`);
    const publicKey = join(this.#directory, `${name}.pub`);
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key);
    openssl('ec', '-in', key, '-pubout', '-out', publicKey);
    return { key, publicKey };
  }

  #files(name: string): Certificate {
    return { key: join(this.#directory, `${name}.key`), certificate: join(this.#directory, `${name}.crt`) };
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
