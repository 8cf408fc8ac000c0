/** What an image is made of, as SPDX 2.3 has it. */
import { readFileSync } from 'node:fs';
import type { DebianPackage } from './root.ts';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly license?: string;
  /** base64, SHA-512. */
  readonly integrity?: string;
}

const NOT_SAID = 'NOASSERTION';

function npmComponents(lockfile: URL): Component[] {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as { packages: Record<string, Locked> };
  return Object.entries(packages).flatMap(([path, { version, license, integrity, dev }]) => {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (name === '' || dev) return [];
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    return [{ name, version, purl, ...(license && { license }), ...(integrity && { integrity }) }];
  });
}

function debianComponents(packages: readonly DebianPackage[], architecture: string): Component[] {
  const names = new Map(packages.map(({ name, version }) => [name.split(':')[0] ?? '', version]));
  return [...names].map(([name, version]) => ({
    name,
    version,
    purl: `pkg:deb/debian/${name.replaceAll('+', '%2B')}@${version.replaceAll('+', '%2B')}?arch=${architecture}`,
  }));
}

/**
 * @param architecture as OCI names it.
 * @param created ISO 8601; two documents of the same are the same.
 */
export function sbom(
  { version, created }: { readonly version: string; readonly created: string },
  architecture: string,
  packages: readonly DebianPackage[],
  lockfile: URL,
): object {
  const components = [
    { name: 'node', version: process.versions.node, purl: `pkg:generic/node@${process.versions.node}`, license: 'MIT' },
    ...npmComponents(lockfile),
    ...debianComponents(packages, architecture),
  ].toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  const described = components.map((component, index) => entry(component, `SPDXRef-${index}`));
  const own = entry(
    { name: 'syscribe', version, purl: `pkg:generic/syscribe@${version}`, license: 'Apache-2.0' },
    'SPDXRef-syscribe',
  );
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `syscribe-${version}-${architecture}`,
    documentNamespace: `urn:syscribe:${version}:${architecture}`,
    creationInfo: { created, creators: ['Tool: syscribe-image'] },
    packages: [own, ...described],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: own.SPDXID },
      ...described.map(({ SPDXID }) => ({
        spdxElementId: own.SPDXID,
        relationshipType: 'CONTAINS',
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
}

function entry({ name, version, purl, license, integrity }: Component, SPDXID: string) {
  const sha512 = /^sha512-(.*)$/.exec(integrity ?? '')?.[1];
  return {
    SPDXID,
    name,
    versionInfo: version,
    downloadLocation: NOT_SAID,
    filesAnalyzed: false,
    licenseConcluded: NOT_SAID,
    licenseDeclared: license ?? NOT_SAID,
    copyrightText: NOT_SAID,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
    ...(sha512 && {
      checksums: [{ algorithm: 'SHA512', checksumValue: Buffer.from(sha512, 'base64').toString('hex') }],
    }),
  };
}
