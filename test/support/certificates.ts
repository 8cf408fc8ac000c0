import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** An authority whose certificates may have expired already. */
export class TestAuthority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #name = `CN=test ${crypto.randomUUID()}`;
  cert = '';

  private constructor(keys: webcrypto.CryptoKeyPair) {
    this.#keys = keys;
  }

  static async create(): Promise<TestAuthority> {
    const authority = new TestAuthority(await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']));
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: authority.#name,
      keys: authority.#keys,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 2 * DAY),
      notAfter: new Date(Date.now() + DAY),
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    });
    authority.cert = certificate.toString('pem');
    return authority;
  }

  /** For 127.0.0.1. @param days from now on; below 0 it has expired. */
  async issue(days: number, commonName = 'test'): Promise<Pair> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: this.#name,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 2 * DAY),
      notAfter: new Date(Date.now() + days * DAY),
      extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    });
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const pem = `-----BEGIN PRIVATE KEY-----\n${key.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
    return { key: pem, cert: certificate.toString('pem') };
  }
}
