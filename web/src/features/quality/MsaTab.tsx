/** The study of the inspection as a measurement system. */

import { useMay } from '../../data/session';
import { t } from '../../texts';
import { MsaForm } from './MsaForm';
import { MsaResult } from './MsaResult';
import type { MsaPayload } from './payloads';
import { Studies } from './Studies';

const texts = t.quality.msa;

export function MsaTab() {
  const mayStudy = useMay('study');
  return (
    <div className="tab-body">
      <p className="tab-about">{texts.about}</p>
      <details className="plan">
        <summary>{texts.plan}</summary>
        <p>{texts.planText}</p>
      </details>
      {mayStudy ? <MsaForm /> : <p className="tab-about">{t.quality.notAllowed}</p>}
      <Studies kind="msa" none={texts.none}>
        {(job) => <MsaResult found={job.result as unknown as MsaPayload} />}
      </Studies>
    </div>
  );
}
