/** Who changed what and when, whether the log is whole, and all of it as a file. */

import { useState } from 'react';
import { Button } from '../../components/Button';
import { DayField } from '../../components/DayField';
import { ChoiceField, TextField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { type AuditFilter, auditExportUrl, useAudit } from '../../data/upkeep';
import { t } from '../../texts';
import { AuditEntries } from './AuditEntries';
import { ChainCheck } from './ChainCheck';
import { dayStart } from './differences';

const texts = t.administration.audit;
const ANY = '';
const ACTIONS = [ANY, ...Object.keys(texts.actions)];
const ACTION_NAMES = { ...texts.actions, [ANY]: texts.any };

type Asked = {
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly from: string;
  readonly to: string;
};

const NOTHING: Asked = { actor: '', action: ANY, object: '', from: '', to: '' };

/** The day named as the last one belongs to it. */
function filterOf({ actor, action, object, from, to }: Asked): AuditFilter {
  const from_s = dayStart(from);
  const to_s = dayStart(to, 1);
  return {
    ...(actor && { actor }),
    ...(action && { action }),
    ...(object && { object_id: object }),
    ...(from_s !== undefined && { from_s }),
    ...(to_s !== undefined && { to_s }),
  };
}

export function AuditTab() {
  const [asked, setAsked] = useState(NOTHING);
  const filter = filterOf(asked);
  const audit = useAudit(filter);
  const entries = audit.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="tab-body">
      <ChainCheck />
      <AuditFilters asked={asked} onChange={setAsked} exportUrl={auditExportUrl(filter)} />
      {audit.error && <Problem error={audit.error} onRetry={() => void audit.refetch()} />}
      {audit.data && entries.length === 0 && <p role="status">{texts.none}</p>}
      {entries.length > 0 && (
        <div className="audit-table">
          <AuditEntries
            entries={entries}
            onObject={(object) => setAsked({ ...NOTHING, object })}
            onActor={(actor) => setAsked({ ...asked, actor })}
          />
        </div>
      )}
      {audit.hasNextPage && (
        <Button disabled={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          {texts.more}
        </Button>
      )}
    </div>
  );
}

type FiltersProps = {
  readonly asked: Asked;
  readonly onChange: (asked: Asked) => void;
  readonly exportUrl: string;
};

function AuditFilters({ asked, onChange, exportUrl }: FiltersProps) {
  const set = (more: Partial<Asked>) => onChange({ ...asked, ...more });
  const isNarrowed = Object.values(asked).some((value) => value !== '');
  return (
    <search className="filters">
      <TextField
        isSearch
        label={texts.actor}
        value={asked.actor}
        onChange={(actor) => set({ actor: actor.trim() })}
      />
      <ChoiceField
        label={texts.action}
        value={asked.action}
        options={ACTIONS}
        names={ACTION_NAMES}
        onChange={(action) => set({ action })}
      />
      <TextField
        isSearch
        label={texts.object}
        value={asked.object}
        onChange={(object) => set({ object: object.trim() })}
      />
      <DayField label={texts.from} value={asked.from} onChange={(from) => set({ from })} />
      <DayField label={texts.to} value={asked.to} onChange={(to) => set({ to })} />
      <Button disabled={!isNarrowed} onClick={() => onChange(NOTHING)}>
        {texts.clear}
      </Button>
      <a className="button" href={exportUrl} download>
        {texts.export}
      </a>
    </search>
  );
}
