import 'reflect-metadata'; // What @peculiar/x509 is built with: it has to be there first.
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const HOUR = 3_600_000; // milliseconds
const DAY = 24 * HOUR;
/** Renewed at two thirds, an authority has four months left: more than any certificate of its lives. */
const AUTHORITY_LIFE = 365 * DAY;
const LEAF_LIFE = 90 * DAY;
/** Machines' clocks differ. */
const BACKDATED = HOUR;

const EC = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

/** A new authority that signs for the webhooks alone. */
export async function newAuthority(now: number, life = AUTHORITY_LIFE): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const id = randomBytes(4).toString('hex');
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity(now, life),
      name: `CN=syscribe webhooks ${id}`,
      keys,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: pem(certificate), key: await privatePem(keys.privateKey) };
}

/** A certificate for servers of these names. It ends no later than its authority. */
export async function newLeaf(by: Pair, names: readonly string[], now: number, life = LEAF_LIFE): Promise<Pair> {
  const authority = new x509.X509Certificate(by.cert);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(by.key), EC, false, [
    'sign',
  ]);
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...validity(now, Math.min(life, authority.notAfter.getTime() - now)),
      subject: 'CN=syscribe webhooks',
      issuer: authority.subject,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: typeOf(value), value }))),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: pem(certificate), key: await privatePem(keys.privateKey) };
}

/** The names by which the API server, and others in the cluster, call a Service. */
export function serviceNames(namespace: string, service = 'webhook-service'): string[] {
  return [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
}

function validity(now: number, life: number) {
  // A first byte of 01 to 7f: the number is positive, and has no zeros before it.
  const serialNumber = `5${randomBytes(16).toString('hex').slice(1)}`;
  return { serialNumber, notBefore: new Date(now - BACKDATED), notAfter: new Date(now + life) };
}

function typeOf(name: string): 'ip' | 'dns' {
  return /^[\d.]+$|:/.test(name) ? 'ip' : 'dns';
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
