import { CheckField, ChoiceField, NumberField, TextField } from '../../components/Field';
import { ALIGN_MODES, type AlignSettings, MODES, SIZE_POLICIES } from '../../core/template';
import { useProject } from '../../data/projects';
import type { AsReference } from '../../data/templates';
import { t } from '../../texts';
import { OtherSizes } from './ReferenceDoubts';
import { askedDefectPx, type Settings } from './settings';
import type { Reference } from './useTemplateState';

type SettingsPanelProps = {
  readonly settings: Settings;
  readonly reference: Reference;
  readonly against: AsReference | undefined;
  readonly onChange: (settings: Settings) => void;
};

export function SettingsPanel({ settings, reference, against, onChange }: SettingsPanelProps) {
  const texts = t.template.settings;
  const longest = Math.max(reference.width, reference.height);
  const sizes = against?.findings.find((one) => one.topic === 'sizes');
  const asked = askedDefectPx(useProject().problem);
  const set = (change: Partial<Settings>) => onChange({ ...settings, ...change });
  const align = (change: Partial<AlignSettings>) =>
    set({ alignment: { ...settings.alignment, ...change } });
  return (
    <div className="properties">
      <TextField
        label={texts.name}
        value={settings.name}
        onChange={(v) => v.trim() && set({ name: v.trim() })}
      />
      <NumberField
        label={texts.smallest}
        hint={
          asked === null || asked === settings.smallestDefectPx
            ? texts.smallestHint
            : texts.smallestAsked(asked)
        }
        value={settings.smallestDefectPx}
        onChange={(v) => v !== null && set({ smallestDefectPx: Math.max(1, Math.min(longest, v)) })}
      />
      <ChoiceField
        label={texts.mode}
        value={settings.mode}
        options={MODES}
        names={texts.modes}
        onChange={(mode) => set({ mode })}
      />
      <ChoiceField
        label={texts.sizePolicy}
        value={settings.sizePolicy}
        options={SIZE_POLICIES}
        names={texts.sizePolicies}
        onChange={(sizePolicy) => set({ sizePolicy })}
      />
      {against && (
        <div className="other-sizes">
          <p>{sizes ? sizes.words : texts.oneSize}</p>
          {sizes && <OtherSizes count={against.other_sizes} reference={reference} />}
        </div>
      )}
      <ChoiceField
        label={texts.align}
        value={settings.alignment.mode}
        options={ALIGN_MODES}
        names={texts.aligns}
        onChange={(mode) => align({ mode })}
      />
      <NumberField
        label={texts.maxShift}
        hint={texts.maxShiftHint}
        isOptional
        value={settings.alignment.maxShiftPx}
        onChange={(v) => align({ maxShiftPx: v === null ? null : Math.max(0, v) })}
      />
      <NumberField
        label={texts.maxRotation}
        value={settings.alignment.maxRotationDeg}
        onChange={(v) => v !== null && align({ maxRotationDeg: Math.max(0, Math.min(180, v)) })}
      />
      <CheckField
        label={texts.refine}
        value={settings.alignment.refineRegions}
        onChange={(refineRegions) => align({ refineRegions })}
      />
    </div>
  );
}
