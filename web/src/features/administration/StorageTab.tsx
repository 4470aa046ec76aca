/** What is kept, what room is left, and for how long pictures stay. */

import { useState } from 'react';
import type { Retention, Storage } from '../../api/schema';
import { Button } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useNotify } from '../../components/Toasts';
import { useRetention, useSetRetention, useStorage } from '../../data/upkeep';
import { t } from '../../texts';
import { DaysField } from './DaysField';
import { daysOf } from './days';

const texts = t.administration.storage;
const LOW_BYTES = 5e9;

export function StorageTab() {
  const storage = useStorage();
  const retention = useRetention();
  return (
    <div className="tab-body tab-narrow">
      {storage.error && <Problem error={storage.error} onRetry={() => void storage.refetch()} />}
      {storage.data && <Figures storage={storage.data} />}
      {retention.error && <Problem error={retention.error} />}
      {retention.data && <RetentionForm kept={retention.data} />}
    </div>
  );
}

type Row = { readonly what: string; readonly count: number | null; readonly bytes: number };

function Figures({ storage }: { readonly storage: Storage }) {
  const rows: readonly Row[] = [
    { what: texts.images, count: storage.images, bytes: storage.image_bytes },
    { what: texts.inspections, count: storage.inspections, bytes: storage.inspection_bytes },
    { what: texts.bundles, count: storage.bundles, bytes: storage.bundle_bytes },
    { what: texts.other, count: null, bytes: storage.other_bytes },
    { what: texts.database, count: null, bytes: storage.database_bytes },
    { what: texts.free, count: null, bytes: storage.free_bytes },
  ];
  return (
    <section className="block">
      <h2>{texts.caption}</h2>
      <Table
        caption={texts.caption}
        isCaptionHidden
        columns={[
          { key: 'what', name: texts.what, cell: (row) => row.what },
          {
            key: 'count',
            name: texts.count,
            isNumber: true,
            cell: (row) => row.count?.toLocaleString('en-GB') ?? '',
          },
          {
            key: 'size',
            name: texts.size,
            isNumber: true,
            cell: (row) => t.common.bytes(row.bytes),
          },
        ]}
        rows={rows}
        rowKey={(row) => row.what}
        isMarked={(row) => row.what === texts.free}
      />
      {storage.free_bytes < LOW_BYTES && <p className="warning">{texts.low}</p>}
      <p className="field-hint">{texts.note}</p>
    </section>
  );
}

const wordsOf = (days: number | null | undefined): string => (days == null ? '' : String(days));

function RetentionForm({ kept }: { readonly kept: Retention }) {
  const words = t.administration.retention;
  const [ok, setOk] = useState(wordsOf(kept.ok_days));
  const [other, setOther] = useState(wordsOf(kept.other_days));
  const save = useSetRetention();
  const notify = useNotify();
  const okDays = daysOf(ok);
  const otherDays = daysOf(other);
  const isWrong = okDays === undefined || otherDays === undefined;
  const isSame = ok === wordsOf(kept.ok_days) && other === wordsOf(kept.other_days);
  const submit = () => {
    if (isWrong) return;
    save.mutate(
      { ok_days: okDays, other_days: otherDays },
      { onSuccess: () => notify(words.saved, 'good') },
    );
  };
  return (
    <section className="block">
      <h2>{words.title}</h2>
      <div className="field-pair">
        <DaysField label={words.ok} value={ok} isWrong={okDays === undefined} onChange={setOk} />
        <DaysField
          label={words.other}
          value={other}
          isWrong={otherDays === undefined}
          onChange={setOther}
        />
      </div>
      {!isWrong && (
        <ul className="meaning" aria-live="polite">
          <li>{words.okMeans(okDays)}</li>
          <li>{words.otherMeans(otherDays)}</li>
          <li>{words.stays}</li>
        </ul>
      )}
      {save.error && <Problem error={save.error} />}
      <div className="tab-actions">
        <Button look="primary" disabled={isWrong || isSame || save.isPending} onClick={submit}>
          {t.common.save}
        </Button>
        {!isSame && !isWrong && <span className="field-hint">{words.unsaved}</span>}
      </div>
    </section>
  );
}
