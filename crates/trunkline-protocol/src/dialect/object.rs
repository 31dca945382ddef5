//! Writes one JSON object, field by field, without an intermediate tree.

use serde::Serialize;
use serde_json::value::RawValue;

/// See the module's comment.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Where an object stood before a field, and what to restore.
pub(super) struct Mark {
    length: usize,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(super) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }

    /// Begins a field whose name needs no escapes.
    fn name(&mut self, name: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
    }

    pub(super) fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.name(name);
        write_json(self.out, value);
    }

    pub(super) fn field_if<T: Serialize>(&mut self, name: &'static str, value: Option<&T>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    pub(super) fn raw(&mut self, name: &'static str, value: &RawValue) {
        self.name(name);
        self.out.extend_from_slice(value.get().as_bytes());
    }

    pub(super) fn raw_if(&mut self, name: &'static str, value: Option<&RawValue>) {
        if let Some(value) = value {
            self.raw(name, value);
        }
    }

    /// A field whose name is not ours.
    pub(super) fn foreign(&mut self, name: &str, value: &RawValue) {
        self.separate();
        write_json(self.out, name);
        self.out.push(b':');
        self.out.extend_from_slice(value.get().as_bytes());
    }

    /// Members that are spelled already, at least one or none.
    pub(super) fn splice(&mut self, members: &str) {
        if !members.is_empty() {
            self.separate();
            self.out.extend_from_slice(members.as_bytes());
        }
    }

    pub(super) fn nested(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        let mut object = Object::open(self.out);
        fill(&mut object);
        object.close();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { length: self.out.len(), empty: self.empty }
    }

    /// Takes the object written since `mark` away again if it has no field.
    pub(super) fn drop_if_empty(&mut self, mark: &Mark) {
        if self.out.ends_with(b"{}") {
            self.out.truncate(mark.length);
            self.empty = mark.empty;
        }
    }
}

fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("strings, numbers and raw JSON always serialise into memory");
}
