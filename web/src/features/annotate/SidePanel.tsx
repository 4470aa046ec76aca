import type { ImageOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField, TextField } from '../../components/Field';
import { Icon } from '../../components/Icon';
import { isBad, isJudged } from '../../core/labelling';
import { WHOLE_IMAGE } from '../../core/sidecar';
import { sidecarUrl } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { DefectPanel } from './DefectPanel';
import type { ImageKeys } from './keys';
import { RegionVerdicts } from './RegionVerdicts';
import type { Labeller } from './useAnnotator';
import { VerdictSwitch } from './VerdictSwitch';

type SidePanelProps = {
  readonly image: ImageOut;
  readonly labeller: Labeller;
  readonly page: ImageKeys;
  readonly note: string | null;
  readonly hasTemplate: boolean;
  readonly type: string;
  readonly onType: (type: string) => void;
  readonly typeField: React.Ref<HTMLInputElement>;
  readonly isAnnotated: boolean;
  /** Keys go to the image again. */
  readonly onPointed: () => void;
};

export function SidePanel(props: SidePanelProps) {
  const { image, labeller, page } = props;
  const { doc } = labeller;
  const whole = doc.verdicts.get(WHOLE_IMAGE) ?? (doc.defectFree ? 'ok' : null);
  return (
    <aside className="side-panel annotation-panel" aria-label={t.annotate.side}>
      <section>
        <h2>{t.annotate.whole}</h2>
        <VerdictSwitch
          of={t.annotate.whole}
          value={whole}
          onChange={(verdict) => labeller.judge(verdict, [])}
        />
        {whole === null && isJudged(doc) && (
          <p className="field-hint" role="status">
            {t.annotate.follows(t.common.verdicts[isBad(doc) ? 'ng' : 'ok'])}
          </p>
        )}
        <Button
          className="free-button"
          look="primary"
          aria-keyshortcuts="F"
          title={`${t.annotate.freeHint} (F)`}
          onClick={page.free}
        >
          {t.annotate.free}
        </Button>
      </section>
      {props.hasTemplate && <RegionVerdicts labeller={labeller} note={props.note} />}
      <DefectPanel
        labeller={labeller}
        mode={page.mode}
        type={props.type}
        onType={props.onType}
        typeField={props.typeField}
        onPointed={props.onPointed}
      />
      <PartPanel image={image} labeller={labeller} isAnnotated={props.isAnnotated} />
    </aside>
  );
}

const SPLITS = ['auto', 'train', 'test'] as const;

function PartPanel(props: Pick<SidePanelProps, 'image' | 'labeller' | 'isAnnotated'>) {
  const { image, labeller, isAnnotated } = props;
  const project = useProject();
  const { split, partId } = labeller.draft;
  return (
    <section>
      <h2>{t.annotate.more}</h2>
      <div className="field-pair">
        <ChoiceField
          label={t.annotate.split}
          value={split ?? 'auto'}
          options={SPLITS}
          names={t.annotate.splits}
          onChange={(value) => labeller.setPart({ split: value === 'auto' ? null : value })}
        />
        <TextField
          label={t.annotate.part}
          value={partId ?? ''}
          onChange={(value) => labeller.setPart({ partId: value.trim() || null })}
        />
      </div>
      <p className="field-hint">{t.annotate.partHint}</p>
      {isAnnotated ? (
        <a className="sidecar-link" href={sidecarUrl(project.id, image.id)} download>
          <Icon name="save" />
          {t.annotate.sidecar}
        </a>
      ) : (
        <p className="field-hint">{t.annotate.noSidecar}</p>
      )}
    </section>
  );
}
