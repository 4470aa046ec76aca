/** Entries of the audit log as a table; names and ids narrow it. */

import type { AuditOut } from '../../api/schema';
import { Table } from '../../components/Table';
import { t } from '../../texts';
import { type Difference, differences } from './differences';

const texts = t.administration.audit;
const MOST_SHOWN = 4;
const ID_SHOWN = 8;
const LONG_ID = 14;

const shortId = (id: string) => (id.length > LONG_ID ? `${id.slice(0, ID_SHOWN)}…` : id);

type AuditEntriesProps = {
  readonly entries: readonly AuditOut[];
  readonly onActor: (name: string) => void;
  readonly onObject: (id: string) => void;
};

export function AuditEntries({ entries, onActor, onObject }: AuditEntriesProps) {
  return (
    <Table
      caption={texts.caption}
      columns={[
        {
          key: 'time',
          name: texts.time,
          cell: (entry) => (
            <time title={texts.entry(entry.seq)}>{t.common.date(entry.time_s)}</time>
          ),
        },
        {
          key: 'actor',
          name: texts.actor,
          cell: (entry) => (
            <button type="button" className="text-button" onClick={() => onActor(entry.actor)}>
              {entry.actor}
            </button>
          ),
        },
        {
          key: 'action',
          name: texts.action,
          cell: (entry) => texts.actions[entry.action] ?? entry.action,
        },
        {
          key: 'object',
          name: texts.about,
          cell: (entry) => (
            <button
              type="button"
              className="text-button"
              title={entry.object_id}
              onClick={() => onObject(entry.object_id)}
            >
              {texts.objects[entry.object_type] ?? entry.object_type}{' '}
              <span className="mono">{shortId(entry.object_id)}</span>
            </button>
          ),
        },
        {
          key: 'change',
          name: texts.change,
          cell: (entry) => <Change found={differences(entry.old, entry.new)} />,
        },
      ]}
      rows={entries}
      rowKey={(entry) => String(entry.seq)}
    />
  );
}

function Change({ found }: { readonly found: readonly Difference[] }) {
  if (found.length <= MOST_SHOWN) return <Lines found={found} />;
  return (
    <details className="change-more">
      <summary>{texts.fields(found.length)}</summary>
      <Lines found={found} />
    </details>
  );
}

function Lines({ found }: { readonly found: readonly Difference[] }) {
  if (found.length === 0) return null;
  return (
    <ul className="change">
      {found.map(({ path, before, after }) => (
        <li key={path}>
          <span className="change-name">{path}</span>{' '}
          {before !== null && (
            <del>
              <span className="visually-hidden">{texts.before}</span> {before || texts.nothing}
            </del>
          )}
          {before !== null && after !== null && ' → '}
          {after !== null && (
            <ins>
              <span className="visually-hidden">{texts.after}</span> {after || texts.nothing}
            </ins>
          )}
        </li>
      ))}
    </ul>
  );
}
