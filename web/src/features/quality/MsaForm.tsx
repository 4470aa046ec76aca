/** Where the verdicts of a study come from. */

import { useId, useState } from 'react';
import { Button } from '../../components/Button';
import { CheckField, Segments } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useSubmit } from '../../data/jobs';
import { t } from '../../texts';
import { ModelField, useModelChoice, useVersionChoice, VersionField } from './choices';

const texts = t.quality.msa;
const SOURCES = ['csv', 'reviews', 'none'] as const;
type Source = (typeof SOURCES)[number];
type Table = { readonly name: string; readonly text: string };

export function MsaForm() {
  const [source, setSource] = useState<Source>('csv');
  const [table, setTable] = useState<Table | null>(null);
  const [hasSystem, setHasSystem] = useState(false);
  const { models, model, choose } = useModelChoice();
  const { versions, version, choose: chooseVersion } = useVersionChoice();
  const submit = useSubmit();
  const mayChoose = model != null && version !== null;
  const system = hasSystem && mayChoose ? { model_id: model.id, version_id: version.id } : null;
  const isReady = (source === 'csv' && table !== null) || source === 'reviews' || system !== null;
  const start = () =>
    submit.mutate({
      kind: 'msa',
      ...system,
      settings: {
        ...(source === 'csv' && table && { csv: table.text }),
        ...(source === 'reviews' && { from_reviews: true }),
      },
    });
  return (
    <section className="study-form" aria-label={t.quality.tabs.msa}>
      <Segments
        label={texts.source}
        value={source}
        options={mayChoose ? SOURCES : ['csv', 'reviews']}
        names={texts.sources}
        onChange={(next) => {
          setSource(next);
          if (next === 'none') setHasSystem(true);
        }}
      />
      {source === 'csv' && <TableField table={table} onChange={setTable} />}
      {source === 'reviews' && <p className="field-hint">{texts.reviewsHint}</p>}
      {mayChoose && <CheckField label={texts.system} value={hasSystem} onChange={setHasSystem} />}
      {hasSystem && mayChoose && (
        <>
          <p className="field-hint">{texts.systemHint}</p>
          <div className="study-fields">
            <ModelField models={models} value={model.id} onChange={choose} />
            <VersionField versions={versions} value={version.id} onChange={chooseVersion} />
          </div>
        </>
      )}
      {submit.error && <Problem error={submit.error} />}
      <div className="tab-actions">
        <Button look="primary" disabled={!isReady || submit.isPending} onClick={start}>
          {t.quality.studies.start}
        </Button>
      </div>
    </section>
  );
}

type TableFieldProps = {
  readonly table: Table | null;
  readonly onChange: (table: Table | null) => void;
};

function TableField({ table, onChange }: TableFieldProps) {
  const id = useId();
  const read = async (file: File | undefined) =>
    onChange(file ? { name: file.name, text: await file.text() } : null);
  return (
    <div className="field">
      <label htmlFor={id}>{texts.csv}</label>
      <input
        id={id}
        type="file"
        accept=".csv,text/csv,text/plain"
        aria-describedby={`${id}-note`}
        onChange={(event) => void read(event.target.files?.[0])}
      />
      <p id={`${id}-note`} className="field-hint">
        {table ? texts.chosen(table.name, table.text.trim().split('\n').length) : texts.csvHint}
      </p>
    </div>
  );
}
