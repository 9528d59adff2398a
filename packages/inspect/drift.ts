import { parseArgs } from 'node:util';
import { isUsageProblem, UsageError } from '../../src/cli/usage.ts';
import { ENDPOINTS, endpointFor, LISTED, type Listed, restTypeOf } from '../../src/datatrics/endpoints.ts';
import { idProblem } from '../../src/datatrics/keys.ts';
import { isObject, type JsonObject, lookUp, readText } from '../../src/datatrics/records/fields.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { openApi, type ReadOnlyApi } from './api.ts';
import { checkAbsent, checkGet, checkList, type EndpointReport } from './check-answers.ts';
import type { Finding } from './check-records.ts';

const HELP = `Compares the read endpoints of a project with what the gateway expects.

Usage: npm run -s drift -- [options]

Checks status, envelope, keys, and each documented or declared field of the records. Makes about 15 read calls and never
writes. The report shows no values of records. The gateway's settings name the project; without DATATRICS_URL, the command
checks the embedded sandbox.

A drift affects the gateway: another status, a renamed key, a field that no record has, or a field mostly of another type.
A note does not: single values of another type, and unknown fields, which the gateway serves as attributes.

Options:
  --project ID    check another project of the settings
  --records N     records to read from each list, 1 to 500 (default: 100)
  --ignore PATH   ignore findings for this path, such as Profile.country; repeatable
  --strict        count notes as drift
  --json          print the report as one JSON object
  --help          print this text

Example:
  npm run -s drift -- --strict --ignore Profile.country

Exit codes:
  0  no drift
  1  drift
  2  wrong usage, or the API is unreachable
`;

/** An id that no record has and that needs no escaping in a path. */
const ABSENT_ID = 'drift-check-0f5c2a9e1b7d4368';

interface Report extends EndpointReport {
  /** The endpoint, with its `type` parameter if it has one. */
  readonly title: string;
}

/** Checks a list, one of its records by id, and an id that does not exist. */
async function checkKind(api: ReadOnlyApi, kind: Listed, limit: number): Promise<Report[]> {
  const { resource, type } = kind;
  const [list, get] = [endpointFor(resource, 'list'), endpointFor(resource, 'get')];
  // Categories lack most of the fields of items, so a missing field is no finding there.
  const complete = type !== 'CATEGORY';
  const expectation = { type: api.recordTypes[resource], timeZone: api.timeZone, complete };
  const title = (text: string): string => (type ? `${text}, type=${restTypeOf('list', type)}` : text);

  const listed = checkList(list, await api.get(list, { type, limit, page: 1 }), limit, expectation);
  const { rows, ...report } = listed;
  const reports: Report[] = [{ ...report, title: title(list.label) }];
  const key = rows.map((row) => keyOf(row, expectation.type.idNames)).find((found) => found !== null);
  if (!key) return reports;
  const single = checkGet(get, await api.get(get, { type, ...key }), key.id, expectation);
  const absent = checkAbsent(get, await api.get(get, { type, id: ABSENT_ID, source: key.source }));
  const known = new Set(listed.findings.map(({ kind, path }) => `${kind} ${path}`));
  const fresh = single.findings.filter(({ kind, path }) => kind !== 'unknown' || !known.has(`${kind} ${path}`));
  reports.push({ ...single, findings: [...fresh, ...absent.findings], title: title(get.label) });
  return reports;
}

function keyOf(row: JsonObject, idNames: readonly string[]): { readonly id: string; readonly source: string } | null {
  const id = idNames.map((name) => readText(lookUp(row, name))).find((text) => text !== null);
  const source = isObject(row) ? readText(lookUp(row, 'source')) : null;
  return id === undefined || id === null || idProblem(id) !== null || source === null ? null : { id, source };
}

/** Endpoints that a check cannot call, since they write. */
const NOT_CHECKED = ENDPOINTS.filter(({ method }) => method !== 'GET').map(({ label }) => label);

function render(reports: readonly Report[], unreachable: readonly string[], api: ReadOnlyApi): string {
  const lines = [`Project ${api.project} at ${api.where}, ${api.calls()} calls.`, ''];
  for (const { title, records, findings } of reports) {
    lines.push(`${title} — ${records} record${records === 1 ? '' : 's'}`);
    const order = (level: Finding['level']): Finding[] => findings.filter((finding) => finding.level === level);
    for (const { level, path, message } of [...order('drift'), ...order('note')]) {
      lines.push(`  ${level === 'drift' ? 'DRIFT' : 'note '}  ${path}: ${message}`);
    }
    if (findings.length === 0) lines.push('  as expected');
    lines.push('');
  }
  for (const problem of unreachable) lines.push(`NO ANSWER  ${problem}`);
  lines.push(`Not checked, since they write: ${NOT_CHECKED.join(', ')}.`);
  const count = (level: Finding['level']): number =>
    reports.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.level === level).length, 0);
  const [drifts, notes] = [count('drift'), count('note')];
  lines.push(`${drifts} drift${drifts === 1 ? '' : 's'}, ${notes} note${notes === 1 ? '' : 's'}.`);
  return `${lines.join('\n')}\n`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      records: { type: 'string', default: '100' },
      ignore: { type: 'string', multiple: true, default: [] },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const records = Number(values.records);
  if (!Number.isInteger(records) || records < 1 || records > 500) {
    throw new UsageError(`--records must be a whole number from 1 to 500, not "${values.records}".`);
  }
  return { ...values, records };
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const api = await openApi(options.project);
  try {
    const reports: Report[] = [];
    const unreachable: string[] = [];
    for (const kind of LISTED) {
      try {
        reports.push(...(await checkKind(api, kind, options.records)));
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        unreachable.push(
          `${endpointFor(kind.resource, 'list').label} or ${endpointFor(kind.resource, 'get').label}: ${error.failure}`,
        );
      }
    }
    const ignored = new Set(options.ignore);
    const filtered = reports.map((report) => ({
      ...report,
      findings: report.findings.filter(({ path }) => !ignored.has(path)),
    }));
    if (!options.json) process.stdout.write(render(filtered, unreachable, api));
    else {
      const json = {
        project: api.project,
        calls: api.calls(),
        endpoints: filtered,
        unreachable,
        notChecked: NOT_CHECKED,
      };
      process.stdout.write(`${JSON.stringify(json)}\n`);
    }
    if (unreachable.length > 0) return 2;
    const counts = ({ level }: Finding): boolean => options.strict || level === 'drift';
    return filtered.some(({ findings }) => findings.some(counts)) ? 1 : 0;
  } finally {
    await api.close();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    if (!isUsageProblem(error)) throw error;
    process.stderr.write(`${error.message}\n\nSee npm run drift -- --help.\n`);
    process.exitCode = 2;
  },
);
