package Peers;

# Peers.pm - what the scripts of tests/interop share: how peers are built and
# asked.

use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Compare qw(compare);
use File::Copy qw(copy);
use File::Path qw(make_path);

use Mosn;

our @EXPORT = qw($cache output have first_line node_peer);

# Libraries go here; kept for the next time when the user says where.
our $cache = $ENV{INTEROP_CACHE} // Mosn::new_dir();

# What a shell command prints; nothing of ours may hang.
sub output {
    my ($seconds, $command) = @_;
    my $out = `exec 2>&1 </dev/null; timeout -k 5 $seconds $command`;
    return $out;
}

sub have { return system("command -v $_[0] >/dev/null 2>&1") == 0 }

sub first_line { my ($line) = $_[0] =~ /^(.*)/; return $line }

# Copies tests/interop/NAME with its packages; returns the folder, or why not.
sub node_peer {
    my ($name) = @_;
    return (undef, 'no npm') unless have('npm');
    my ($from, $to) = (dirname(__FILE__) . "/$name", "$cache/$name");
    make_path($to);
    my $kept = -d "$to/node_modules" && compare("$from/package-lock.json", "$to/package-lock.json") == 0;
    for my $file (qw(package.json package-lock.json peer.js)) {
        copy("$from/$file", "$to/$file") or return (undef, "$file: $!");
    }
    my $out = $kept ? '' : output(300, "npm ci --prefix $to --cache $cache/npm --no-audit --no-fund --ignore-scripts");
    return !$kept && $? ? (undef, "npm ci: $out") : ($to, '');
}

1;
