/** How the inspection does over time, its studies, its report and who signs for it. */

import { PageHeader } from '../../components/PageHeader';
import { Tabs } from '../../components/Tabs';
import { useRest } from '../../data/route';
import { t } from '../../texts';
import { MsaTab } from './MsaTab';
import { PartsTab } from './PartsTab';
import { PodTab } from './PodTab';
import { RatesTab } from './RatesTab';
import { ReportTab } from './ReportTab';
import { SignaturesTab } from './SignaturesTab';
import './quality.css';

const names = t.quality.tabs;

export default function QualityPage() {
  const [[open], go] = useRest();
  return (
    <div className="page">
      <PageHeader title={t.nav.quality} />
      <Tabs
        label={names.label}
        open={open}
        onOpen={go}
        tabs={[
          { key: 'rates', name: names.rates, content: <RatesTab /> },
          { key: 'parts', name: names.parts, content: <PartsTab /> },
          { key: 'msa', name: names.msa, content: <MsaTab /> },
          { key: 'pod', name: names.pod, content: <PodTab /> },
          { key: 'report', name: names.report, content: <ReportTab /> },
          { key: 'signatures', name: names.signatures, content: <SignaturesTab /> },
        ]}
      />
    </div>
  );
}
