/**
 * Writes the Helm chart's templates from the manifests of deploy/, which are the one source; with --check tells what differs instead,
 * and ends with 1. What is a setting there is a name between @ here, and an expression of Helm's in the template.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const DEPLOY = new URL('../deploy/', import.meta.url);
const CHART = new URL('helm/syscribe/', DEPLOY);
const check = process.argv.includes('--check');
const { version, description, license } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const IMAGE = `localhost/syscribe:${version}`;
const NAMESPACE = 'security-profiles-operator';
const WEBHOOK = `${NAMESPACE}-webhook`;

/** Scalars. */
const VALUES = {
  '@image@': '{{ include "syscribe.image" . }}',
  '@pullPolicy@': '{{ .Values.image.pullPolicy }}',
  '@pullSecrets@': '{{ toJson .Values.imagePullSecrets }}',
  '@replicas operator@': '{{ .Values.operator.replicas }}',
  '@replicas webhook@': '{{ .Values.webhook.replicas }}',
  '@resources operator@': '{{ toJson .Values.operator.resources }}',
  '@resources webhook@': '{{ toJson .Values.webhook.resources }}',
};
const OWN_TOO = '(append .Values.restrictToNamespaces .Release.Namespace | uniq)';
/** Scalars of what is there once for each namespace that may be seen. */
Object.assign(VALUES, { '@namespace@': '{{ . }}', '@namespaces@': `{{ toJson ${OWN_TOO} }}` });
/** Items of lists that are there under a condition. */
const ITEMS = {
  '@certificates@': ['ne .Values.webhook.certificates "own"', '--certificates={{ .Values.webhook.certificates }}'],
  '@restrictTo@': [
    '.Values.restrictToNamespaces',
    '{ name: RESTRICT_TO_NAMESPACE, value: {{ join "," .Values.restrictToNamespaces | quote }} }',
  ],
  '@only@': [
    '.Values.restrictToNamespaces',
    '{ key: kubernetes.io/metadata.name, operator: In, values: {{ toJson .Values.restrictToNamespaces }} }',
  ],
  '@keepFiles@': ['.Values.uninstall.keepFiles', '--keep-files'],
  '@force@': ['.Values.uninstall.force', '--force'],
};

/** What may be set of each kind of object; the rest is as it is in deploy/. */
function withSettings(object) {
  const { kind, metadata, spec } = object;
  const pod = spec?.template?.spec;
  if (pod) {
    pod.imagePullSecrets = '@pullSecrets@';
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      if (container.image !== IMAGE) throw new Error(`${kind} ${metadata.name}: the image is not ${IMAGE}`);
      container.image = '@image@';
      container.imagePullPolicy = '@pullPolicy@';
    }
  }
  const [container] = pod?.containers ?? [];
  if (kind === 'Deployment') {
    const part = metadata.name === WEBHOOK ? 'webhook' : 'operator';
    spec.replicas = `@replicas ${part}@`;
    container.resources = `@resources ${part}@`;
    if (part === 'webhook') container.args.push('@certificates@');
    container.env.push('@restrictTo@');
  }
  for (const { namespaceSelector } of [...(object.webhooks ?? []), spec?.matchConstraints ?? {}])
    namespaceSelector?.matchExpressions.push('@only@');
  if (kind === 'CustomResourceDefinition')
    metadata.annotations = { ...metadata.annotations, 'helm.sh/resource-policy': 'keep' };
  return object;
}

/** deploy/uninstall: done before anything is deleted, and refused where that must not be. */
function asHook(object) {
  object.metadata.annotations = {
    'helm.sh/hook': 'pre-delete',
    'helm.sh/hook-weight': object.kind === 'Job' ? '0' : '-1',
    'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
  };
  if (object.kind === 'Job') object.spec.template.spec.containers[0].args.push('@keepFiles@', '@force@');
  return object;
}

/** A setting that nothing has any more would be taken and do nothing. */
const used = new Set();

function template(object) {
  let text = stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 });
  const before = text;
  if (text.includes('{{')) throw new Error(`${object.kind} ${object.metadata.name} has what is Helm's`);
  for (const [name, value] of Object.entries(VALUES)) text = text.replaceAll(`"${name}"`, value);
  for (const [name, [condition, item]] of Object.entries(ITEMS))
    text = text.replaceAll(
      new RegExp(`^( *- )"${name}"\n`, 'gm'),
      (_, dash) => `{{- if ${condition} }}\n${dash}${item}\n{{- end }}\n`,
    );
  for (const name of [...Object.keys(VALUES), ...Object.keys(ITEMS)]) if (before.includes(name)) used.add(name);
  const left = /"@[^"]*@"/.exec(text);
  if (left) throw new Error(`${left[0]} is no setting`);
  return text;
}

/** What is seen of namespaces: restricted, by roles in each of these. */
const NAMESPACED = /^(pods|profilerecordings|profilebindings)(\/.*)?$/;

function only(rules, wanted) {
  return rules
    .map((rule) => ({ ...rule, resources: (rule.resources ?? []).filter(wanted) }))
    .filter(({ resources }) => resources.length > 0);
}

/** A cluster role, or where namespaces are restricted, what is left of it and a role in each of them. */
function restrictable(object) {
  const { metadata, rules, kind } = object;
  const narrow = kind === 'ClusterRole' ? only(rules, (name) => NAMESPACED.test(name)) : [];
  if (narrow.length === 0) return template(object);
  const others = rules.filter(({ resources }) => resources === undefined);
  const wide = only(rules, (name) => !NAMESPACED.test(name)).flatMap(({ resources, ...rule }) => {
    const rest = resources.filter((name) => name !== 'namespaces');
    const named = { ...rule, resources: ['namespaces'], resourceNames: '@namespaces@' };
    return [
      ...(rest.length > 0 ? [{ ...rule, resources: rest }] : []),
      ...(rest.length < resources.length ? [named] : []),
    ];
  });
  const name = `${metadata.name}-restricted`;
  const own = { apiVersion: object.apiVersion, metadata: { ...metadata, name, namespace: '@namespace@' } };
  const binding = {
    ...{ ...own, kind: 'RoleBinding' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name: metadata.name, namespace: NAMESPACE }],
  };
  const roles = [{ ...own, kind: 'Role', rules: narrow }, binding].map((one) => `---\n${template(one)}`).join('');
  return [
    '{{- if .Values.restrictToNamespaces }}\n',
    template({ ...object, rules: [...wide, ...others] }),
    `{{- range ${OWN_TOO} }}\n${roles}{{- end }}\n`,
    `{{- else }}\n${template(object)}{{- end }}\n`,
  ].join('');
}

/** A file of manifests; the namespace is Helm's business. */
function templates(file, change) {
  const objects = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS());
  return objects
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object) => (object.metadata.name === 'spo-uninstall' ? template : restrictable)(change(object)))
    .join('---\n');
}

const manifests = (folder) =>
  globSync(`${folder}/*.yaml`, { cwd: DEPLOY.pathname })
    .filter((file) => basename(file) !== 'kustomization.yaml')
    .toSorted()
    .map((file) => new URL(file, DEPLOY));
const nameOf = (file) => basename(file.pathname).replace(/^.*k8s\.io_/, 'crd-');

const files = new Map([
  [
    'Chart.yaml',
    stringify({
      ...{ apiVersion: 'v2', name: 'syscribe', type: 'application', version, appVersion: version, description },
      ...{ kubeVersion: '>=1.30.0-0', annotations: { licenses: license } },
    }),
  ],
]);
for (const folder of ['crds', 'base', 'webhook'])
  for (const file of manifests(folder)) {
    const text = templates(file, withSettings);
    if (text === '') continue;
    const whole = folder === 'crds' ? `{{- if .Values.crds.install }}\n${text}{{- end }}\n` : text;
    files.set(`templates/${nameOf(file)}`, whole);
  }
for (const file of manifests('startup-taint')) {
  const text = templates(file, withSettings);
  files.set(`templates/startup-taint-${nameOf(file)}`, `{{- if .Values.startupTaint }}\n${text}{{- end }}\n`);
}
for (const file of manifests('uninstall')) {
  const text = templates(file, (object) => asHook(withSettings(object)));
  files.set(`templates/uninstall-${nameOf(file)}`, `{{- if .Values.uninstall.enabled }}\n${text}{{- end }}\n`);
}

for (const name of [...Object.keys(VALUES), ...Object.keys(ITEMS)])
  if (!used.has(name)) throw new Error(`no manifest of deploy/ has what the setting ${name} is about`);

/** Not made from manifests. */
const OWN = ['_helpers.tpl', 'NOTES.txt'];
mkdirSync(new URL('templates/', CHART), { recursive: true });
const complain = (file, what) => {
  console.error(`deploy/helm/syscribe/${file} ${what}`);
  process.exitCode = 1;
};
for (const [file, text] of files) {
  if (!check) writeFileSync(new URL(file, CHART), text);
  else if (!globSync(file, { cwd: CHART.pathname }).length || readFileSync(new URL(file, CHART), 'utf8') !== text)
    complain(file, 'is not what deploy/ says: make chart');
}
for (const file of globSync('templates/*', { cwd: CHART.pathname }))
  if (!files.has(file) && !OWN.includes(basename(file))) complain(file, 'belongs to no manifest of deploy/');
