/** Who signed for a model, and signing for it. */

import type { ModelOut, SignOffOut } from '../../api/schema';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useSignOffs } from '../../data/quality';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { ModelField, NoModel, useModelChoice } from './choices';
import { SignForm } from './SignForm';

const texts = t.quality.signatures;
const HASH_SHOWN = 12;

export function SignaturesTab() {
  const maySign = useMay('quality');
  const { models, model, choose } = useModelChoice();
  if (model === null) return <NoModel />;
  if (!model) return <p className="loading">{t.app.loading}</p>;
  return (
    <div className="tab-body">
      <p className="tab-about">{texts.about}</p>
      <div className="study-head">
        <div className="tab-choice">
          <ModelField models={models} value={model.id} onChange={choose} />
        </div>
        <p>
          {texts.hash}: <code className="hash">{model.bundle_sha256}</code>
        </p>
      </div>
      {maySign ? (
        <SignForm key={model.id} model={model} />
      ) : (
        <p className="tab-about">{texts.only}</p>
      )}
      <Signatures model={model} />
    </div>
  );
}

const hash = (sha256: string | null) =>
  sha256 === null ? (
    ''
  ) : (
    <code className="hash" title={sha256}>
      {sha256.slice(0, HASH_SHOWN)}
    </code>
  );

function Signatures({ model }: { readonly model: ModelOut }) {
  const signed = useSignOffs(model.id);
  const rows: readonly SignOffOut[] = signed.data ?? [];
  if (signed.error) return <Problem error={signed.error} onRetry={() => void signed.refetch()} />;
  if (signed.data && rows.length === 0) return <p>{texts.none}</p>;
  if (rows.length === 0) return null;
  const names = texts.columns;
  return (
    <Table
      caption={texts.list}
      columns={[
        { key: 'by', name: names.by, cell: (one) => one.signed_by },
        { key: 'when', name: names.when, cell: (one) => t.common.date(one.created_s) },
        { key: 'meaning', name: names.meaning, cell: (one) => one.meaning },
        { key: 'bundle', name: names.bundle, cell: (one) => hash(one.bundle_sha256) },
        { key: 'report', name: names.report, cell: (one) => hash(one.report_sha256) },
      ]}
      rows={rows}
      rowKey={(one) => one.id}
    />
  );
}
